"""The options of a training as fairseq-train reads them, checked against the experiment."""

import argparse
from pathlib import Path
from typing import Any

from ..commands.devices import Devices
from ..commands.parsing import read_command
from ..errors import SharingError
from ..experiment.runs import Run
from .command import given_options, training_command

OF_DEVICES = {
    "tpu": False,
    "distributed-init-method": None,
    "distributed-rank": 0,
    "distributed-no-spawn": False,
    "model-parallel-size": 1,
    "pipeline-model-parallel": False,
}
"""Options of devices that have to stay at fairseq's defaults, beside those that are set."""

NEEDED = ("no-save", "no-last-checkpoints", "no-save-optimizer-state", "disable-validation")
"""Options that would leave a training without the checkpoints to resume from or to decode."""


def read_options(
    run: Run, data: Path, devices: Devices, precision: str = "auto"
) -> argparse.Namespace:
    """The options of a run's command as fairseq-train reads them, whichever name gave them.

    Raises SharingError for options that fairseq would refuse, and for those that contradict what
    an experiment says elsewhere or what the pipeline depends on.
    """
    args = read_command(run.name, training_command(run, data, devices, precision))
    one = {"cpu": devices.kind == "cpu", "distributed-world-size": devices.count}
    for name, value in (OF_DEVICES | one).items():
        _require(run, args, name, value, "--devices, --nodes and Slurm say what is trained on")
    for name, value in given_options(run, devices, precision).items():
        _require(run, args, name, value, "the pipeline sets it")
    for name in NEEDED:
        _require(run, args, name, False, "without it there is nothing to resume or to decode")
    if run.experiment.batch_tokens is not None:
        tokens = run.experiment.batch_tokens
        _require(run, args, "batch-size", None, f"batch_tokens = {tokens} is the size of an update")
    return args


def _require(run: Run, args: argparse.Namespace, name: str, value: Any, reason: str) -> None:
    """Raise SharingError unless an option has this value, whichever of its names gave it."""
    found = getattr(args, name.replace("-", "_"), value)
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    if str(found) != str(value):
        raise SharingError(
            f"system {run.name}: {name} = {_as_toml(found)} in [train] or in the system's options: "
            f"{reason}; remove it"
        )


def _as_toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
