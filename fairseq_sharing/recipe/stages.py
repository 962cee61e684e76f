"""Stages of a run folder: done once, skipped afterwards, never mixed with other settings."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SharingError

Settings = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step of a run folder, the settings it is done with and the paths it leaves behind."""

    folder: Path
    name: str
    settings: Settings
    outputs: tuple[Path, ...] = ()

    @property
    def stamp(self) -> Path:
        return self.folder / f"{self.name}.stage.json"

    def recorded(self) -> Settings | None:
        """The settings the step was begun with, if it was begun."""
        return self._read()["settings"] if self.stamp.exists() else None

    def is_finished(self) -> bool:
        """Whether the step ended with these settings and its outputs are still there."""
        return (
            self.stamp.exists()
            and self._read() == self._content(finished=True)
            and all(path.exists() for path in self.outputs)
        )

    def refuse_changes(self) -> None:
        """Raise SharingError, naming what differs, if the step was begun with other settings."""
        recorded = self.recorded()
        if recorded is None:
            return
        changed = _differences(recorded, self._content(finished=True)["settings"])
        if changed:
            raise SharingError(
                f"{self.folder}: '{self.name}' was begun with other settings "
                f"({', '.join(changed)}): remove that folder or choose another one with --runs"
            )

    def begin(self) -> None:
        """Record the settings of a step that goes on after an interruption, before it starts."""
        self._write(finished=False)

    def start_over(self) -> None:
        """Forget the stamp of a step that is always done from its start."""
        self.stamp.unlink(missing_ok=True)

    def finish(self) -> None:
        """Record that all outputs are complete."""
        self._write(finished=True)

    def _content(self, *, finished: bool) -> Settings:
        """What the stamp holds, as JSON reads it back: lists for tuples."""
        return json.loads(json.dumps({"finished": finished, "settings": self.settings}))

    def _read(self) -> Settings:
        return json.loads(self.stamp.read_text("utf-8"))

    def _write(self, *, finished: bool) -> None:
        write_json(self.stamp, self._content(finished=finished))


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: readers see the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, "utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_lines(path: Path, lines: list[str]) -> None:
    """Write one line for each string, in one step."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON, in one step."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def exclusive(folder: Path, *, shared: bool = False) -> Iterator[int]:
    """Hold the folder alone; yields a descriptor that keeps it held in any child given it.

    Several may hold it shared, while no one holds it alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:  # NFS asks for reading and writing
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SharingError(
                f"another run is at work in {folder}: wait for it, stop it, or use another --runs"
            ) from None
        yield lock.fileno()


def _differences(before: Settings, now: Settings, prefix: str = "") -> list[str]:
    """Every changed setting as 'name was, now is'."""
    changed = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            changed.append(f"{prefix}{key}: {old} then, {new} now")
    return changed
