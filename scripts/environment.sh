# shellcheck shell=bash
# Sourced by lib.sh: finds Python and installs the project into $venv, once.

root=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=${VENV:-$root/.venv}
[[ $venv == /* ]] || venv="$PWD/$venv"

# Where no wheel of fairseq exists, it is compiled: the condition of setup.py and constraints.txt.
compiles_fairseq() {
  "$1" -c 'import platform, sys
wheel = sys.version_info < (3, 13) and (sys.platform, platform.machine()) == ("linux", "x86_64")
sys.exit(wheel)'
}

find_python() {
  local name
  for name in python3.12 python3.11 python3 python3.13; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  fail "Python 3.11, 3.12 or 3.13 not found, python3 is $(python3 --version 2>/dev/null || printf missing): install one of them, on Debian 12 or 13 and Ubuntu 24.04 with: apt-get install python3 python3-venv"
}

# Prints the Debian packages that the installation with Python $1 needs and does not find.
missing_packages() {
  local version
  version=$("$1" -c 'import sys; print("python3.%d" % sys.version_info[1])')
  "$1" -c 'import ensurepip, venv' 2>/dev/null || printf ' %s-venv' "$version"
  if compiles_fairseq "$1"; then
    "$1" -c 'import os, shlex, shutil, sys, sysconfig
compilers = [os.environ.get(name) or sysconfig.get_config_var(name) or "" for name in ("CC", "CXX")]
sys.exit(not all(shutil.which((shlex.split(one) or [""])[0]) for one in compilers))' ||
      printf ' g++'
    "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
      printf ' %s-dev' "$version"
  fi
}

# Prints the version of the torch that Python $1 imports, or nothing.
torch_of() {
  "$1" -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null || true
}

# Fails if torch $1, which is in $2, is older than setup.py asks for.
check_torch() {
  local major minor
  IFS=. read -r major minor _ <<<"$1"
  ((major > 2 || (major == 2 && minor >= 6))) ||
    fail "torch $1 in $2 is too old: torch 2.6 or newer is needed; upgrade it, or choose another environment with VENV=PATH"
}

# Creates $venv and installs the project with its constraints. A stamp holds their checksum, so that
# the next call is instant. Without a stamp the environment is someone else's, and stays as it is.
ensure_venv() {
  local python wanted stamp="$venv/.installed"
  wanted=$(cat "$root/constraints.txt" "$root/setup.py" | sha256sum)
  if [[ -f $stamp ]]; then
    [[ -x $venv/bin/python || ! -s $stamp ]] ||
      fail "the Python of $venv is gone: remove that folder, then run this again"
    [[ $(<"$stamp") != "$wanted" ]] || return 0
  elif [[ -n $(ls -A "$venv" 2>/dev/null) ]]; then
    [[ ! -x $venv/bin/fairseq-sharing ]] || return 0
    fail "$venv is there, was not made by these scripts and has no fairseq-sharing: it stays as it is; choose another folder with VENV=PATH, or install into it with: $venv/bin/pip install -c constraints.txt -e '.[fairseq,test]'"
  fi
  python=$(find_python)
  install_into_venv "$python" "$stamp"
  printf '%s\n' "$wanted" >"$stamp"
}

# Installs over what is there; an empty stamp says from the start whose environment it is.
install_into_venv() {
  local python=$1 stamp=$2 missing torch pinned system=()
  if [[ -x $venv/bin/python ]]; then
    python="$venv/bin/python"
  fi
  missing=$(missing_packages "$python")
  [[ -z $missing ]] ||
    fail "$python lacks what the installation needs:$missing; install it, for example with: apt-get install$missing"
  pinned=$(sed -n 's/^torch==//p' "$root/constraints.txt")
  torch=$(torch_of "$python")
  if [[ -n $torch ]]; then
    check_torch "$torch" "$python"
    system=(--system-site-packages)
    [[ $torch == "$pinned"* ]] || printf '%s has torch %s, which stays in use\n' "$python" "$torch" >&2
  fi
  printf 'Installing into %s (once; a few minutes) ...\n' "$venv" >&2
  if [[ ! -x $venv/bin/python ]]; then
    { mkdir -p "$venv" && : >"$stamp" && "$python" -m venv ${system[@]+"${system[@]}"} "$venv"; } ||
      fail "cannot create $venv: see the message above"
  fi
  install_packages "${torch:-$pinned}" ||
    fail "the installation failed: check the network (pip's message is above), then run this again"
}

# Installs the project with constraints.txt, but with torch $1. Where fairseq is compiled, it is so
# with the torch and numpy that are there: a build in isolation would fetch others. As in the wheel,
# nothing is compiled for CUDA; what a debugger needs would take 2 GB of memory.
install_packages() {
  local constraints status=0
  constraints=$(mktemp)
  sed "s/^torch==.*/torch==$1/" "$root/constraints.txt" >"$constraints"
  if compiles_fairseq "$venv/bin/python"; then
    constrained_pip "$constraints" torch numpy Cython setuptools &&
      (
        unset CUDA_HOME
        export CFLAGS="${CFLAGS:-} -g0"
        constrained_pip "$constraints" --no-deps --no-build-isolation fairseq-fixed
      ) || status=1
  fi
  ((status)) || constrained_pip "$constraints" --editable "${root}[fairseq,test]" || status=1
  rm -f "$constraints"
  return "$status"
}

constrained_pip() {
  local constraints=$1
  shift
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$constraints" "$@"
}
