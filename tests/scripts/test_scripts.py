"""The shell scripts, copied to a folder with a space in its path and run from elsewhere."""

import shutil
import subprocess

import pytest
from cloned import ROOT, script

from fairseq_sharing.experiment.shipped import names

SOURCED = ("environment.sh", "lib.sh")
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.sh") if path.name not in SOURCED)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_needs_no_installation(clone, name):
    result = script(clone, name, "--help")
    assert result.returncode == 0
    assert "Usage:" in result.stdout
    assert "Example:" in result.stdout
    assert not (clone / ".venv").exists()


def test_a_search_path_of_cd_does_not_confuse_them(clone):
    """With one that finds the folder, cd prints where it went."""
    code = 'CDPATH=.; source scripts/environment.sh; printf "%s" "$root"'
    found = subprocess.run(["bash", "-c", code], cwd=clone, capture_output=True, text=True)
    assert found.stdout == str(clone.resolve())


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate", "compare"])
def test_stages_reach_their_subcommand(installed, stage):
    result = script(installed, f"{stage}.sh", "my experiments/none", "--runs", "/nowhere")
    assert result.returncode == 2
    assert result.stderr == (
        "fairseq-sharing: error: cannot read experiment my experiments/none.toml: "
        "No such file or directory; give the path of your own file or one of these names: "
        + ", ".join(names())
        + "\n"
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


def test_the_installation_takes_no_arguments_and_says_how_to_use_it(installed):
    result = script(installed, "install.sh", "wmt")
    assert result.returncode == 1
    assert result.stderr == "install.sh: error: unknown argument 'wmt': see --help\n"
    result = script(installed, "install.sh")
    assert result.returncode == 0
    activate = str(installed / ".venv" / "bin" / "activate").replace(" ", "\\ ")
    assert result.stdout == f"Installed. Now run: source {activate}\n"


def test_tests_pass_their_arguments_on(installed):
    (installed / "test_one.py").write_text("def test_one():\n    pass\n")
    passed = script(installed, "test.sh", "test_one.py", "-k", "one")
    assert passed.returncode == 0, passed.stderr
    assert "1 passed" in passed.stdout
    assert script(installed, "test.sh", "test_one.py", "-k", "two").returncode == 5
