"""The record of a preparation: what each step read, kept, dropped and wrote.

A step is done once, and again when its settings or one of the files that it read have changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..experiment.stages import Settings, Stage


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
    """The finished steps of a folder, in one file that is written after each of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "corpus" / "manifest.json"

    def reason_to_do(self, step: Step) -> str | None:
        """What has changed since the step was done, if anything."""
        return self._stage(step).reason_to_do()

    def do(self, step: Step) -> Done:
        """Do a step and note it as done, with the checksums of its files; returns its account."""
        stage = self._stage(step)
        stage.start_over()
        done = step.run()
        stage.finish(done.inputs, done.counts, done.facts)
        return done

    def _stage(self, step: Step) -> Stage:
        return Stage(self.folder, step.name, step.settings, step.outputs, self.path)
