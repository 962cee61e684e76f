"""The record of a preparation: what each step read, kept, dropped and wrote.

A step is done once, and again when its settings or one of the files that it read have changed.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..experiment.stages import Settings
from ..files import sha256, write_json


@dataclass(frozen=True)
class Done:
    """The files that a step has read, what it counted, and what the manifest says first of all."""

    inputs: Sequence[Path]
    counts: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A part of a preparation: its settings, the files or folders it leaves, and how it is done."""

    name: str
    settings: Settings
    outputs: tuple[Path, ...]
    run: Callable[[], Done]


class Manifest:
    """The finished steps of a folder, in a file that is written after each of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "corpus" / "manifest.json"
        content = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        self.steps: dict[str, dict[str, Any]] = content.pop("steps", {})
        self.facts: dict[str, Any] = content

    def reason_to_do(self, step: Step) -> str | None:
        """What has changed since the step was done, if anything.

        A file that was read and is no longer there has not changed.
        """
        record = self.steps.get(step.name)
        if record is None:
            return "not done yet"
        if record["settings"] != json.loads(json.dumps(step.settings)):
            return "other settings"
        for name, before in record["inputs"].items():
            path = self.folder / name
            if path.exists() and digest(path) != before:
                return f"{path} has changed"
        return next((f"{path} is gone" for path in step.outputs if not path.exists()), None)

    def forget(self, step: Step) -> None:
        """Take away a step's record, before its outputs change."""
        if self.steps.pop(step.name, None):
            self._write()

    def record(self, step: Step, done: Done) -> None:
        """Note a step as done, with the checksums of its files."""
        self.steps[step.name] = {
            "settings": step.settings,
            "counts": done.counts,
            "inputs": self._digests(done.inputs),
            "outputs": self._digests(step.outputs),
        }
        self.facts |= done.facts
        self._write()

    def _write(self) -> None:
        write_json(self.path, self.facts | {"steps": self.steps})

    def _digests(self, paths: Iterable[Path]) -> dict[str, str]:
        files = (file for path in paths for file in _files(path))
        return {
            str(file.relative_to(self.folder) if file.is_relative_to(self.folder) else file): (
                digest(file)
            )
            for file in files
        }


def _files(path: Path) -> list[Path]:
    """The path itself, or what is in a folder but for logs."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix != ".log")


def digest(path: Path) -> str:
    """The file's SHA-256, worked out once as long as it is the same file."""
    state = path.stat()
    return _digest_of(path, state.st_size, state.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, changed: int) -> str:
    return sha256(path)
