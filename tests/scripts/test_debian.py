"""README's two commands in a Debian 13 that holds git, Python and a compiler, and no more.

SCRIPTS_TEST=full runs all fast tests there instead of a few.
"""

import os
import shutil
import subprocess
import time

import pytest
from cloned import copy_of_tracked

NEEDED = "ca-certificates,g++,git,python3,python3-dev,python3-venv"
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
FEW = ("tests/model/test_strategies.py", "tests/model/test_tying.py", "tests/model/test_state.py")

# Mounts are the process's own and go with it; the environment is a new login's but for pip's index.
ENTER = """
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit
exec chroot "$0" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DEFAULT_TIMEOUT=120 \
    ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} bash -ec "$1"
"""


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """The root folder of the system, with the network of this one and a copy of the project."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("needs root and debootstrap")
    root = tmp_path_factory.mktemp("debian")
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={NEEDED}", "trixie", root],
        check=True, capture_output=True,
    )  # fmt: skip
    for path in NETWORK:
        if os.path.exists(path):
            shutil.copyfile(path, f"{root}{path}")
    copy_of_tracked(root / "root" / "project")
    _inside(root, "apt-get update -qq")
    yield root
    shutil.rmtree(root)


def _inside(root, command):
    """Run a command in the system; what it prints is shown, with its time."""
    begin = time.monotonic()
    ended = subprocess.run(
        ["unshare", "--mount", "bash", "-c", ENTER, root, command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{command}: {time.monotonic() - begin:.0f} s\n{ended.stdout}")
    assert ended.returncode == 0, ended.stdout[-3000:]
    return ended.stdout


@pytest.mark.slow
def test_the_two_commands_on_debian_13(debian):
    """All of it: 3 GB of torch with CUDA, and fairseq compiled."""
    printed = _inside(debian, "cd /root/project && scripts/demo.sh --quick")
    assert "sequence_grown" in printed
    chosen = "" if os.environ.get("SCRIPTS_TEST") == "full" else " ".join(FEW)
    assert " passed" in _inside(debian, f"cd /root/project && scripts/test.sh {chosen}")
