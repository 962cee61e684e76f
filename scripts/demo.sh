#!/usr/bin/env bash
# From nothing to a table: prepares, trains, evaluates and compares experiments/demo.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage "Usage: demo.sh [--quick] [--src FILE --tgt FILE] [--runs DIR]

Compares a plain model and a deeper one with as many parameters, on the help of LibreOffice in
English and German.

  --quick                  few updates: all stages in minutes, scores that mean nothing
  --src FILE --tgt FILE    your own parallel text instead, one segment a line
  --runs DIR               where the run folder is made; default: runs in the repository

Finished stages are skipped and an interrupted training resumes, so just run it again.
Example: scripts/demo.sh --src mine.en --tgt mine.de --runs /tmp/mine" "$@"

text=()
options=(--runs "$root/runs")
while (($#)); do
  case $1 in
    --quick) options+=("$1") ;;
    --src | --tgt | --runs)
      (($# > 1)) || fail "$1 needs a path after it; see --help"
      if [[ $1 == --runs ]]; then options+=("$1" "$2"); else text+=("$1" "$2"); fi
      shift
      ;;
    *) fail "unknown argument '$1': see --help" ;;
  esac
  shift
done

ensure_venv
experiment="$root/experiments/demo"
stage() { "$venv/bin/fairseq-sharing" "$@"; }
stage prepare "$experiment" "${options[@]}" ${text[@]+"${text[@]}"}
stage train "$experiment" "${options[@]}"
stage evaluate "$experiment" "${options[@]}"
stage compare "$experiment" "${options[@]}"
