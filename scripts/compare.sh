#!/usr/bin/env bash
# Shows an experiment's systems in one table and writes their report.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

run_stage compare "Shows an experiment's systems in one table and writes their report" "$@"
