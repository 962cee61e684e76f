"""Checkpoint files: read without running anything in them, written whole or not at all."""

import os
import tempfile
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import rich.progress
import torch
from rich.console import Console

from ..errors import SharingError, exception_chain
from ..patches import numpy_values
from ..patches.compat import UNREADABLE, refusal

Content = dict[str, Any]
State = dict[str, torch.Tensor]
_PARTS = {"cfg": dict, "extra_state": dict, "optimizer_history": list, "task_state": dict}
"""What a checkpoint may hold besides a model; older ones lack some."""


def read_checkpoint(path: Path, *, mapped: bool = False) -> Content:
    """The content of a fairseq checkpoint, tensors on the CPU; shows progress on a terminal.

    With ``mapped``, tensors are read from the disk only once they are used. Only plain data is
    taken (torch's ``weights_only``), beside numpy's numbers. Raises SharingError for a file that is
    missing, cut short, no checkpoint, or that asks for code to be run.
    """
    if path.is_dir():
        raise SharingError(f"{path} is a folder; give one checkpoint file, such as {path}/NAME.pt")
    try:
        file = _open_with_progress(path)
    except OSError as error:
        raise SharingError(f"cannot read checkpoint {path}: {error.strerror}") from None
    try:
        with file as opened, numpy_values.allowed():
            source = path if mapped and zipfile.is_zipfile(opened) else opened
            opened.seek(0)
            content = torch.load(source, "cpu", weights_only=True, mmap=source is path)
    except UNREADABLE as error:
        raise SharingError(f"checkpoint {path}: {refusal(error)}") from error
    _check_parts(path, content)
    return content


def _check_parts(path: Path, content: Any) -> None:
    """Raise SharingError unless ``content``, as read from ``path``, has what fairseq saves."""
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise SharingError(f"{path} is no fairseq checkpoint: it holds no model; use another file")
    for name, kind in _PARTS.items():
        if not isinstance(content.get(name), kind | None):
            raise SharingError(
                f"{path} is no fairseq checkpoint: its {name} is no {kind.__name__}; "
                "use another file"
            )
    for entry in content.get("optimizer_history") or []:
        if not isinstance(entry, dict) or type(entry.get("num_updates", 0)) is not int:
            raise SharingError(
                f"{path} is no fairseq checkpoint: its optimizer_history does not say how many "
                "updates were made; use another file"
            )


def check_output(path: Path, force: bool) -> None:
    """Raise SharingError if ``path`` cannot be written; meant to be called before any work."""
    if path.is_dir():
        raise SharingError(f"output {path} is a folder; give a file name, such as {path}/model.pt")
    if not path.parent.is_dir():
        raise SharingError(f"output {path}: there is no folder {path.parent}; make it first")
    if path.exists() and not path.is_file():  # a device would be replaced, not written to
        raise SharingError(f"output {path} is no regular file; give a file name")
    if path.exists() and not force:
        raise SharingError(f"output {path} exists and is kept; give another name, or --force")


def write_checkpoint(content: Content, path: Path, force: bool = False) -> None:
    """Write a checkpoint in one step: a temporary file beside it, fsync, rename.

    Raises SharingError if ``path`` exists and ``force`` is not given, and if the disk does not
    take it; then what was there before is intact and the temporary file is gone.
    """
    check_output(path, force)
    partial: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        partial = Path(name)
        with os.fdopen(descriptor, "wb") as file, _console().status(f"writing {path.name}"):
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        reason = disk_error(error)
        message = f"cannot write {path}: {reason.strerror}; what was there before is intact"
        raise SharingError(message) from None
    finally:
        if partial:
            partial.unlink(missing_ok=True)


def disk_error(error: OSError | RuntimeError) -> OSError:
    """The OSError that torch's writer wraps in ``error``; raises ``error`` if there is none."""
    for link in exception_chain(error):
        if isinstance(link, OSError):
            return link
    raise error


def _umask() -> int:
    """The permissions that new files are not given; mkstemp makes its own private."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _console() -> Console:
    return Console(stderr=True)


def _open_with_progress(path: Path) -> AbstractContextManager[BinaryIO]:
    return rich.progress.open(
        path,
        "rb",
        description=f"reading {path.name}",
        console=_console(),
        transient=True,
        disable=not _console().is_terminal,
    )
