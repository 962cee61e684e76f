"""Records in a run's folder and beside it, checked as they are read."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..experiment.runs import Run
from ..files import read_json
from ..training.speed_stage import SPEED
from .measures import measures_of


def manifest_of(run: Run) -> dict[str, Any]:
    """What the corpus beside the run's folder was made of, as far as it is recorded."""
    return read_json(run.folder.parent / "corpus" / "manifest.json")


def counts_of(run: Run, *steps: str) -> list[dict[str, Any]]:
    """What each of these steps of that preparation counted, as far as it is recorded.

    Raises SharingError for a record that was altered by hand.
    """
    manifest = manifest_of(run)
    return [_counts(run, manifest, step) for step in steps]


def _counts(run: Run, manifest: dict[str, Any], step: str) -> dict[str, Any]:
    counts: Any = manifest
    for key in ("steps", step, "counts"):
        counts = counts.get(key, {})
        if not isinstance(counts, dict):
            raise SharingError(
                f"{run.folder.parent / 'corpus' / 'manifest.json'} is damaged: its {key} are no "
                "table; prepare the text again in a new folder"
            )
    return counts


def score_of(run: Run, stored: Any, path: Path) -> Any:
    """A score of the run's kind, as its file holds it."""
    kind = measures_of(run.experiment).score
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    if (
        not isinstance(stored, dict)
        or stored.keys() != types.keys()
        or not all(_fits(types[name], value) for name, value in stored.items())
    ):
        raise SharingError(
            f"{path} is damaged or of another version: remove it, then run fairseq-sharing "
            "evaluate again"
        )
    return kind(**stored)


def _fits(kind: Any, value: Any) -> bool:
    """Whether a figure or a word of a score is of its field's type; a number has to be finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, kind) or (type(value) is int and issubclass(float, kind))


def speeds_of(run: Run) -> dict[str, dict[int, float]]:
    """Updates a second, measured side by side, by system and first update of a phase.

    A single number is of phase 0.
    """
    path = run.folder.parent / SPEED
    stored = read_json(path)
    try:
        speeds = {
            name: {int(first): float(speed) for first, speed in measured.items()}
            if isinstance(measured, dict)
            else {0: float(measured)}
            for name, measured in stored.items()
        }
        if not all(0 < one < math.inf for measured in speeds.values() for one in measured.values()):
            raise ValueError("a speed is not positive")
        return speeds
    except (TypeError, ValueError, OverflowError) as error:
        raise SharingError(
            f"{path} is damaged ({error}): remove it, then run fairseq-sharing train again"
        ) from None
