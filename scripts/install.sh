#!/usr/bin/env bash
# Installs the project and all its extras, which the other scripts do by themselves.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage "Usage: install.sh

Installs the project and all its extras into .venv, or into the folder that VENV names, and says how
to use it. The other scripts do this by themselves; an environment of your own is never touched.
Example: VENV=~/sharing scripts/install.sh" "$@"
(($# == 0)) || fail "unknown argument '$1': see --help"

ensure_venv
printf 'Installed. Now run: source %q\n' "$venv/bin/activate"
