"""What the scripts install into: refused before anything is made, and never cleared."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest
from cloned import script, tools

NOWHERE = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
    "PIP_INDEX_URL": "http://127.0.0.1:9",
    "PIP_EXTRA_INDEX_URL": "",
}
"""An index that no pip reaches."""

VERSION = f"python3.{sys.version_info.minor}"

FOREIGN = "is there, was not made by these scripts and has no fairseq-sharing: it stays as it is"


def python(**answers: str) -> str:
    """A Python as shell code; what it does to code in which a word occurs is shell code, too."""
    cases = " ".join(f"*{shlex.quote(word)}*) {code} ;; " for word, code in answers.items())
    return f'case "$2" in {cases} esac; exec {shlex.quote(sys.executable)} "$@"'


def refused(result) -> str:
    """The one line that a script ended with."""
    assert result.returncode == 1
    assert result.stdout == ""
    return result.stderr.splitlines()[-1].removeprefix("train.sh: error: ")


@pytest.mark.parametrize(
    ("code", "what"), [("exit 1", "missing"), ("[[ $1 == --version ]] && echo Python 3.14.8", "")]
)
def test_no_python_that_fairseq_runs_on(clone, tmp_path, code, what):
    path = tools(tmp_path / "bin", python3=code)
    assert refused(script(clone, "train.sh", "demo", PATH=path)) == (
        f"Python 3.11, 3.12 or 3.13 not found, python3 is {what or 'Python 3.14.8'}: install one "
        "of them, on Debian 12 or 13 and Ubuntu 24.04 with: apt-get install python3 python3-venv"
    )


@pytest.mark.parametrize(
    ("answers", "packages"),
    [
        ({"ensurepip": "exit 1"}, f"{VERSION}-venv"),
        ({"wheel": "exit 0", "CXX": "exit 1"}, "g++"),
        ({"wheel": "exit 0", "CXX": "exit 0", "Python.h": "exit 1"}, f"{VERSION}-dev"),
        (
            {"wheel": "exit 0", "CXX": "exit 1", "Python.h": "exit 1", "ensurepip": "exit 1"},
            f"{VERSION}-venv g++ {VERSION}-dev",
        ),
    ],
    ids=str,
)
def test_what_is_missing_is_named_before_anything_is_made(clone, tmp_path, answers, packages):
    path = tools(tmp_path / "bin", python3=python(**answers))
    assert refused(script(clone, "train.sh", "demo", PATH=path)) == (
        f"python3 lacks what the installation needs: {packages}; "
        f"install it, for example with: apt-get install {packages}"
    )
    assert not (clone / ".venv").exists()


def test_no_compiler_on_the_path(clone, tmp_path):
    path = tools(tmp_path / "bin", python3=python(wheel="exit 0"))
    assert " g++" in refused(script(clone, "train.sh", "demo", PATH=path))


def test_no_network(clone):
    line = refused(script(clone, "train.sh", "demo", **NOWHERE))
    assert line.startswith("the installation failed: check the network")
    assert (clone / ".venv" / ".installed").read_text() == ""


@pytest.mark.parametrize("named", [False, True])
def test_an_environment_of_others_stays_as_it_is(clone, tmp_path, named):
    venv = tmp_path / "mine" if named else clone / ".venv"
    (venv / "lib").mkdir(parents=True)
    (venv / "lib" / "torch.so").write_text("CUDA")
    result = script(clone, "train.sh", "demo", **({"VENV": str(venv)} if named else {}))
    line = refused(result)
    assert len(result.stderr.splitlines()) == 1
    assert line.startswith(f"{venv} {FOREIGN}; choose another folder with VENV=PATH")
    assert [path.name for path in venv.rglob("*")] == ["lib", "torch.so"]


def test_an_environment_of_others_that_has_the_project_is_used(installed):
    (installed / ".venv" / ".installed").unlink()
    result = script(installed, "train.sh", "none", **NOWHERE)
    assert result.returncode == 2
    assert "cannot read experiment none.toml" in result.stderr
    assert not (installed / ".venv" / ".installed").exists()


def test_another_installation_goes_over_the_one_that_is_there(clone):
    script(clone, "train.sh", "demo", **NOWHERE)
    venv = clone / ".venv"
    (venv / ".installed").write_text("of other constraints\n")
    (venv / "of a running training").touch()
    assert refused(script(clone, "train.sh", "demo", **NOWHERE)).startswith("the installation fail")
    assert (venv / "of a running training").exists()
    (venv / "bin" / "python").unlink()
    assert refused(script(clone, "train.sh", "demo", **NOWHERE)) == (
        f"the Python of {venv} is gone: remove that folder, then run this again"
    )


@pytest.mark.parametrize(
    ("torch", "line"),
    [
        ("2.5.1+cu124", "torch 2.5.1+cu124 in python3 is too old: torch 2.6 or newer is needed"),
        ("2.12.0+cu130", "the installation failed"),
    ],
)
def test_a_torch_that_is_there_is_taken_or_too_old(clone, tmp_path, torch, line):
    code = python(**{'"torch"': f"echo {torch}; exit 0"})
    path = tools(tmp_path / "bin", python3=code)
    result = script(clone, "train.sh", "demo", PATH=path, **NOWHERE)
    assert refused(result).startswith(line)
    made = clone / ".venv" / "pyvenv.cfg"
    assert made.exists() == ("+cu130" in torch)
    if made.exists():
        assert f"python3 has torch {torch}, which stays in use" in result.stderr
        assert "include-system-site-packages = true" in made.read_text()


def test_the_constraints_of_an_installation_name_the_torch_that_is_there(clone, tmp_path):
    """pip is a script that keeps the constraints it was given."""
    kept = tmp_path / "kept"
    pip = tmp_path / "venv" / "bin" / "python"
    pip.parent.mkdir(parents=True)
    pip.write_text(f'#!{shutil.which("bash")}\n[[ $1 == -c ]] || cat "${{@:7:1}}" > "{kept}"\n')
    pip.chmod(0o755)
    code = "source lib.sh; compiles_fairseq() { false; }; install_packages 2.12.0+cu130"
    environment = os.environ | {"VENV": str(pip.parents[1])}
    subprocess.run(["bash", "-c", code], cwd=clone / "scripts", env=environment, check=True)
    assert "torch==2.12.0+cu130\n" in kept.read_text()
    assert kept.read_text().count("\ntorch==") == 1
