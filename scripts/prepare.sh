#!/usr/bin/env bash
# Builds an experiment's corpus, subword model and binary data.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

run_stage prepare "Builds an experiment's corpus, subword model and binary data" "$@"
