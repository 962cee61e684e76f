"""The wheel, in an environment that holds nothing else of this project."""

import os
import subprocess
import sys
import sysconfig

import pytest
from cloned import copy_of_tracked
from support import BIN

from fairseq_sharing.experiment.shipped import names


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Its folder of commands; what the wheel depends on is borrowed from the tests' environment."""
    folder = tmp_path_factory.mktemp("package")
    source = copy_of_tracked(folder / "source")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    _run(sys.executable, "-m", "pip", *wheel)
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    _run(
        *(sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python"),
        *("install", "--no-deps", "--no-index", *folder.glob("*.whl")),
    )
    packages = next((folder / "venv" / "lib").glob("python3*")) / "site-packages"
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin"


def _run(*command, path=os.environ["PATH"], **options):
    """What a command that succeeds prints; it finds no package by PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = path
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_has_the_plugin_the_command_and_the_experiments(environment, tmp_path):
    plugin = _run(environment / "fairseq-sharing", "user-dir", cwd=tmp_path).strip()
    assert plugin.startswith(str(environment.parent))
    listed = _run(environment / "fairseq-sharing", "experiments", cwd=tmp_path)
    assert listed.endswith(f"The files are in {plugin}/experiments\n")
    assert [line.split()[0] for line in listed.splitlines()[:-2]] == names()


def test_a_plan_from_any_folder_and_by_name(environment, tmp_path):
    plan = _run(
        *(environment / "fairseq-sharing", "plan", "demo", "--quick"),
        cwd=tmp_path,
        path=f"{BIN}:{os.environ['PATH']}",  # where fairseq's commands are
    )
    assert "\nfairseq-sharing train demo --quick\n" in plan
    assert f"{BIN}/fairseq-train" in plan
    assert f"--user-dir {environment.parent}" in plan
    assert not list(tmp_path.iterdir())
