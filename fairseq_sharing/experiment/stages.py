"""Stages of a run folder: done once, skipped afterwards, never mixed with other settings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..files import write_json

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
