#!/usr/bin/env bash
# Runs the tests; arguments go to pytest.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage "Usage: test.sh [PYTEST ARGUMENTS]

Runs the fast tests, a process a core; those that take minutes run with -m slow, and all of them with -m ''.
Example: scripts/test.sh -m slow tests/options" "$@"

ensure_venv
cd "$root"
processes=$(env -u OMP_NUM_THREADS nproc)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$venv/bin/python" -m pytest --numprocesses "$processes" --dist loadfile "$@"
