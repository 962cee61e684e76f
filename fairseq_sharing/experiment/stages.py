"""Stages of a run folder: done once, skipped afterwards, never mixed with other settings.

A stage leaves a record of what it was done with: its settings, the SHA-256 of the files that it
read and wrote, and what it counted. It is done as long as its settings and what it read are the
same and what it wrote is there.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..files import digest, read_json, write_json

Settings = dict[str, Any]
STEPS = "steps"


@dataclass(frozen=True)
class Stage:
    """One step of a run folder, the settings it is done with and the paths it leaves behind.

    Its record is in ``file``, under its name and beside those of other steps; by default it has a
    file of its own, NAME.stage.json.
    """

    folder: Path
    name: str
    settings: Settings
    outputs: tuple[Path, ...] = ()
    file: Path | None = None

    @property
    def stamp(self) -> Path:
        """The file of its record."""
        return self.file or self.folder / f"{self.name}.stage.json"

    def recorded(self) -> Settings | None:
        """The settings the step was begun with, if it was begun."""
        record = self._record()
        return None if record is None else record["settings"]

    def reason_to_do(self) -> str | None:
        """The reason to do the step: what is missing or has changed; None if it is done.

        A file that was read and is no longer there has not changed.
        """
        record = self._record()
        if record is None or not record.get("finished", True):
            return "not done yet"
        if record["settings"] != _as_stored(self.settings):
            return "other settings"
        for name, before in record.get("inputs", {}).items():
            path = self.folder / name
            if path.exists() and digest(path) != before:
                return f"{path} has changed"
        return next((f"{path} is gone" for path in self.outputs if not path.exists()), None)

    def is_finished(self) -> bool:
        """Whether there is no reason to do it."""
        return self.reason_to_do() is None

    def refuse_changes(self) -> None:
        """Raise SharingError, naming what differs, if the step was begun with other settings."""
        recorded = self.recorded()
        if recorded is None:
            return
        changed = _differences(recorded, _as_stored(self.settings))
        if changed:
            raise SharingError(
                f"{self.folder}: '{self.name}' was begun with other settings "
                f"({', '.join(changed)}): remove that folder or choose another one with --runs"
            )

    def begin(self) -> None:
        """Record the settings of a step that is resumed after an interruption, before it starts."""
        self._write({"finished": False, "settings": self.settings})

    def start_over(self) -> None:
        """Forget the record of a step that is done from its start, before its outputs change."""
        if self.file is None:
            self.stamp.unlink(missing_ok=True)
        elif self._record() is not None:
            self._write(None)

    def finish(
        self,
        inputs: Iterable[Path] = (),
        counts: dict[str, Any] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Record that all outputs are complete; ``facts`` are put first in the file."""
        record = {
            "finished": True,
            "settings": self.settings,
            "counts": counts or {},
            "inputs": self._digests(inputs),
            "outputs": self._digests(self.outputs),
        }
        self._write(record, facts or {})

    def _content(self) -> dict[str, Any]:
        content = read_json(self.stamp)
        if "settings" in content:  # the record alone, as it was once written
            content = {STEPS: {self.name: content}}
        steps = content.get(STEPS, {})
        records = list(steps.values()) if isinstance(steps, dict) else [steps]
        if not all(
            isinstance(one, dict) and isinstance(one.get("settings"), dict) for one in records
        ):
            raise SharingError(
                f"{self.stamp} is damaged: remove it, then run the same command again"
            )
        return content

    def _record(self) -> dict[str, Any] | None:
        return self._content().get(STEPS, {}).get(self.name)

    def _write(self, record: dict[str, Any] | None, facts: dict[str, Any] | None = None) -> None:
        content = self._content()
        steps = {name: one for name, one in content.pop(STEPS, {}).items() if name != self.name}
        if record is not None:
            steps[self.name] = record
        write_json(self.stamp, content | (facts or {}) | {STEPS: steps})

    def _digests(self, paths: Iterable[Path]) -> dict[str, str]:
        files = (file for path in paths for file in _files(path))
        return {
            str(file.relative_to(self.folder) if file.is_relative_to(self.folder) else file): (
                digest(file)
            )
            for file in files
        }


def _files(path: Path) -> list[Path]:
    """The path itself, or what is in a folder but for logs, locks and records."""
    if not path.is_dir():
        return [path] if path.exists() else []
    own = (".log", ".lock", ".json")
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.endswith(own))


def _as_stored(settings: Settings) -> Settings:
    """Settings as JSON reads them back: lists for tuples."""
    return json.loads(json.dumps(settings))


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
