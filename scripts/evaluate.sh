#!/usr/bin/env bash
# Decodes an experiment's test sets and scores them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

run_stage evaluate "Decodes an experiment's test sets and scores them" "$@"
