"""How fast a training was beside the baseline, and how long it took to a validation loss."""

from dataclasses import dataclass
from typing import Any

from .trainings import Training

HARDWARE = ("cpu", "cores", "gpus", "devices", "precision")
"""The entries of versions.json that must agree before two logs' speeds are compared."""


@dataclass(frozen=True)
class RelativeSpeed:
    """Training speed as a multiple of the baseline's, and how it is known; None if it is not."""

    value: float | None
    source: str


def relative_speed(training: Training, baseline: Training) -> RelativeSpeed:
    """From the measurement side by side if there is one, else from tokens a second in the logs.

    Logs compare only where both trainings ran on the same hardware.
    """
    names = training.run.system.name, baseline.run.system.name
    if training.run.folder.parent == baseline.run.folder.parent and all(
        name in training.measured_speeds for name in names
    ):
        source = "all systems taking turns at the same batches"
        return RelativeSpeed(
            _ratio(training.updates_per_second, baseline.updates_per_second), source
        )
    if not hardware(training) or hardware(training) != hardware(baseline):
        return RelativeSpeed(None, "- where the hardware is not known to be the baseline's")
    ratio = _ratio(training.tokens_per_second, baseline.tokens_per_second)
    if ratio is None:
        return RelativeSpeed(None, "- where a log has no speed")
    return RelativeSpeed(ratio, "in tokens a second of the trainings' logs")


def _ratio(own: float | None, other: float | None) -> float | None:
    return own / other if own and other else None


def hardware(training: Training) -> dict[str, Any]:
    """The machine it was trained on, as far as it is recorded."""
    return {key: training.versions[key] for key in HARDWARE if key in training.versions}


def minutes(training: Training, updates: int) -> float | None:
    """The minutes of so many updates at the measured speed, without validation and pauses."""
    seconds = training.seconds(updates)
    return None if seconds is None else seconds / 60


def updates_to(training: Training, loss: float) -> int | None:
    """The updates after which a validation first gave that loss or less, if any did."""
    reached = [updates for updates, value in training.log.valid_losses.items() if value <= loss]
    return min(reached, default=None)
