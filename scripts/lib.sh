# shellcheck shell=bash
# Sourced by the scripts: installs once, into .venv or the folder that VENV names, and runs commands
# from there.

# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

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
