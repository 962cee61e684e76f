"""The shell scripts, copied to a folder with a space in its path and run from elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.sh") if path.name != "lib.sh")
TOOLS = ("bash", "dirname", "basename", "cat", "sha256sum")


def tools(folder: Path, **wrappers: str) -> str:
    """A PATH with little on it; wrappers are further commands, as shell code."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    for name, code in wrappers.items():
        (folder / name).write_text(f"#!{shutil.which('bash')}\n{code}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def script(clone: Path, name: str, *arguments: object, **environment: str):
    return subprocess.run(
        [clone / "scripts" / name, *map(str, arguments)],
        cwd="/",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_needs_no_installation(clone, name):
    result = script(clone, name, "--help")
    assert result.returncode == 0
    assert "Usage:" in result.stdout
    assert "Example:" in result.stdout
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate", "compare"])
def test_stages_reach_their_subcommand(installed, stage):
    result = script(installed, f"{stage}.sh", "my experiments/none", "--runs", "/nowhere")
    assert result.returncode == 2
    assert result.stderr == (
        "fairseq-sharing: error: cannot read experiment my experiments/none.toml: "
        "No such file or directory; that folder has none\n"
    )


def test_the_demo_stops_at_the_first_failing_stage(installed, tmp_path):
    shutil.copytree(ROOT / "experiments", installed / "experiments")
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.de").write_text("eins\n")
    where = ["--quick", "--runs", tmp_path / "my runs"]
    result = script(installed, "demo.sh", *where, "--src", "/none", "--tgt", tmp_path / "a.de")
    assert result.returncode == 2
    assert "cannot read /none" in result.stderr
    assert not (tmp_path / "my runs").exists()
    result = script(
        installed, "demo.sh", *where, "--src", tmp_path / "a.en", "--tgt", tmp_path / "a.de"
    )
    assert "has 2 lines" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--fast"], "unknown argument '--fast'"), (["--runs"], "--runs needs a path after it")],
)
def test_unknown_arguments_of_the_demo(clone, arguments, message):
    result = script(clone, "demo.sh", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith(f"demo.sh: error: {message}")


def test_no_python(clone, tmp_path):
    path = tools(tmp_path / "bin", python3="exit 1")
    result = script(clone, "train.sh", "demo", PATH=path)
    assert result.returncode == 1
    assert result.stderr == (
        "train.sh: error: Python 3.11 or 3.12 not found: install it, for example with: "
        "apt-get install python3.11 python3.11-venv\n"
    )


def test_no_venv_module(clone, tmp_path):
    code = f'case "$2" in *ensurepip*) exit 1 ;; esac; exec "{sys.executable}" "$@"'
    path = tools(tmp_path / "bin", python3=code)
    result = script(clone, "train.sh", "demo", PATH=path)
    assert result.returncode == 1
    version = f"python3.{sys.version_info.minor}-venv"
    assert "python3 has no venv module" in result.stderr
    assert f"apt-get install {version}\n" in result.stderr


def test_no_network(clone):
    nowhere = "http://127.0.0.1:9"
    result = script(
        clone,
        "train.sh",
        "demo",
        PIP_CONFIG_FILE="/dev/null",
        PIP_FIND_LINKS="",
        PIP_RETRIES="0",
        PIP_INDEX_URL=nowhere,
        PIP_EXTRA_INDEX_URL="",
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        "train.sh: error: the installation failed: check the network"
    )
    assert not (clone / ".venv" / ".installed").exists()


def test_tests_pass_their_arguments_on(installed):
    (installed / "test_one.py").write_text("def test_one():\n    pass\n")
    passed = script(installed, "test.sh", "test_one.py", "-k", "one")
    assert passed.returncode == 0, passed.stderr
    assert "1 passed" in passed.stdout
    assert script(installed, "test.sh", "test_one.py", "-k", "two").returncode == 5
