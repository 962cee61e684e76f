#!/usr/bin/env bash
# Trains an experiment's systems side by side.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

run_stage train "Trains an experiment's systems side by side" "$@"
