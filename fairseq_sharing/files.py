"""Files that are written whole or not at all, their checksums, and folders held by one process."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from .errors import SharingError


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: readers see the old content or the new one, never a part.

    This holds after a crash of the machine too: the content is on the disk before the name is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_lines(path: Path, lines: list[str]) -> None:
    """Write one line for each string, in one step."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON, in one step."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, an empty one if there is no file.

    Raises SharingError, which says what to do, for a file that holds anything else.
    """
    try:
        content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise _damaged(path, "does not hold a JSON object")
    return content


def _damaged(path: Path, how: str) -> SharingError:
    return SharingError(f"{path} {how}: remove it, then run the command that made it again")


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path) -> str:
    """The file's SHA-256, computed once as long as size and time of the file stay the same."""
    state = path.stat()
    return _digest_of(path, state.st_size, state.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, changed: int) -> str:
    return sha256(path)


@contextmanager
def exclusive(folder: Path, *, shared: bool = False) -> Iterator[int]:
    """Lock the folder for this process; yields a descriptor that keeps the lock in a child process.

    With ``shared`` several processes may hold it, as long as none holds it alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:  # NFS asks for both read and write
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SharingError(
                f"another run is at work in {folder}: wait for it, stop it, or use another --runs"
            ) from None
        except OSError as error:
            raise SharingError(
                f"{folder} is on a file system without locks (flock: {error.strerror}), which keep "
                "two runs apart: choose a folder on another disk with --runs, or have it mounted "
                "with locks (Lustre: -o flock; NFS: with its lock service)"
            ) from None
        yield lock.fileno()
