# shellcheck shell=bash
# Shared by the scripts: finds Python, creates .venv once, and runs commands from it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

# The last line but one of every script's failure: what went wrong and what to do.
fail() {
  printf '%s: error: %s\n' "$(basename "$0")" "$1" >&2
  exit 1
}

# Prints $1, the script's usage, when the first of the other arguments asks for it.
usage() {
  local text=$1
  case "${2:-}" in
    -h | --help)
      printf '%s\n' "$text"
      exit 0
      ;;
  esac
}

find_python() {
  local name
  for name in python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  fail "Python 3.11 or 3.12 not found: install it, for example with: apt-get install python3.11 python3.11-venv"
}

# Creates .venv and installs the project with its constraints. A stamp holds their checksum, so
# that the next call is instant and an interrupted or outdated installation is done again.
ensure_venv() {
  local python wanted stamp="$venv/.installed"
  wanted=$(cat "$root/constraints.txt" "$root/setup.py" | sha256sum)
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    return
  fi
  python=$(find_python)
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module: install it, for example with: apt-get install $("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
  printf 'Installing into %s (once; a few minutes) ...\n' "$venv" >&2
  "$python" -m venv --clear "$venv" ||
    fail "cannot create $venv: see the message above"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$root/constraints.txt" --editable "${root}[fairseq,test]" ||
    fail "the installation failed: check the network (pip's message is above), then run this again"
  printf '%s\n' "$wanted" >"$stamp"
}

# run_stage STAGE PURPOSE [ARGUMENT...]: replaces the script by that subcommand of fairseq-sharing.
run_stage() {
  local stage=$1 purpose=$2
  shift 2
  if [[ ! -f $venv/.installed ]]; then
    usage "Usage: $stage.sh EXPERIMENT [OPTIONS]

$purpose. Once .venv is installed, --help lists the options.
Example: scripts/$stage.sh experiments/demo --quick" "$@"
  fi
  ensure_venv
  exec "$venv/bin/fairseq-sharing" "$stage" "$@"
}
