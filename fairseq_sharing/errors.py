"""Mistakes of the user, as one line each, and how fairseq's commands come to show just that."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk."""


class SharingError(ValueError):
    """A mistake of the user: names the option, the value received, what is valid and what to do.

    It is one line, whatever the value has in it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class MissingFairseqError(ImportError):
    """fairseq itself is not installed."""


def exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    """``error``, then what it was raised from or while handling, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def user_message(error: BaseException) -> str | None:
    """The line to show if ``error`` comes from a mistake of the user, else None."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    for link in exception_chain(error):
        if isinstance(link, SharingError | MissingFairseqError):
            return str(link)
    if isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        return f"{error}; check the path"
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return f"{error}; make room, then run the same command to resume"
    if isinstance(error, OSError) and str(error).startswith("Model file not found"):
        return f"{error}; check --path"
    return None


def drop_output() -> None:
    """Send standard output to the null device: its reader is gone, and Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_one_line() -> None:
    """Make user mistakes and Ctrl-C end a command of fairseq with one line, not a traceback.

    fairseq's commands let exceptions escape, and its trainer wraps those of a checkpoint in a
    bare ``Exception``; only the interpreter's last hook sees them all. A reader that has closed the
    pipe needs no line at all. Other errors go to the hook that was there before, and so does
    everything in other programs that import the plugin.
    """
    if not any(part.startswith("fairseq") for part in Path(sys.argv[0]).parts[-2:]):
        return
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # or Hydra prints a traceback and exits itself
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = user_message(error)
        if isinstance(error, BrokenPipeError):
            drop_output()
        elif message is None:
            previous(kind, error, trace)
        else:
            print(f"error: {message}", file=sys.stderr)

    sys.excepthook = hook
