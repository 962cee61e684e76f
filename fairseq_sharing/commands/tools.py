"""Where the command-line tools are, and how a command of theirs is kept."""

import shlex
import shutil
import sysconfig
from pathlib import Path

from ..errors import SharingError
from ..files import write_text


def fairseq_tool(name: str) -> str:
    """The path of a command such as fairseq-train: beside the running Python, or on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / name
    tool = str(beside) if beside.exists() else shutil.which(name)
    if tool is None:
        raise SharingError(
            f"neither {beside} nor {name} on the PATH found: install fairseq with "
            "pip install ve-fairseq (Python 3.11 or 3.12) or fairseq-fixed (newer)"
        )
    return tool


def save_command(path: Path, command: list[str]) -> None:
    """Write the command as a shell would read it."""
    write_text(path, shlex.join(command) + "\n")
