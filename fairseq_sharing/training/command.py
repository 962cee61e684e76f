"""The fairseq-train command of a run, with update-freq and precision for its devices."""

import zipfile
from pathlib import Path
from typing import Any

import torch

import fairseq_sharing

from ..commands.devices import Devices, precision_for, these_devices, update_freq
from ..commands.tools import fairseq_tool
from ..errors import SharingError
from ..experiment.experiment import Experiment, to_flags
from ..experiment.runs import Run

DEFAULTS: dict[str, Any] = {
    "no-epoch-checkpoints": True,
    "keep-interval-updates": 1,
    "required-batch-size-multiple": 1,
    "no-progress-bar": True,
}
FASTER = ("fp16", "bf16", "memory-efficient-fp16", "memory-efficient-bf16", "amp")
"""fairseq-train's options for other precisions than fp32."""


def training_command(
    run: Run, data: Path, devices: Devices | None = None, precision: str = "auto"
) -> list[str]:
    """fairseq-train and its arguments; it resumes from the newest intact checkpoint if there is
    one.

    devices are those of this machine by default. The command is that of one process;
    Devices.command says what starts all of them.
    """
    devices = devices or these_devices(1)
    given = given_options(run, devices, precision)
    for name in given.keys() & run.options.keys():
        raise SharingError(
            f"system {run.name}: the option '{name}' is set by the pipeline; remove it from "
            "[train] and from the system's options"
        )
    arch = {"arch": run.experiment.models.arch}
    flags = to_flags(DEFAULTS | arch | devices.options() | given | run.options)
    return [fairseq_tool("fairseq-train"), str(data), *flags]


def given_options(run: Run, devices: Devices, precision: str) -> dict[str, Any]:
    """What an experiment does not set as options of fairseq-train."""
    given = _given(run) | _precision_flag(run, precision, devices)
    if run.experiment.batch_tokens is not None:
        given["update-freq"] = batch_parts(run, devices)
    return given


def _given(run: Run) -> dict[str, Any]:
    experiment = run.experiment
    checkpoints = run.checkpoint.parent
    given = {
        **task_options(experiment),
        "user-dir": user_dir(),
        "seed": run.seed,
        "save-dir": checkpoints,
        "restore-file": newest_intact(checkpoints) or checkpoints / "checkpoint_last.pt",
        "log-format": "json",
        "tensorboard-logdir": run.folder / "tensorboard",
    } | run.system.flags(run.max_update, experiment.models.sides)
    if experiment.average_epochs is not None:
        given["no-epoch-checkpoints"] = False
        given["keep-last-epochs"] = experiment.average_epochs
    return given


def task_options(experiment: Experiment) -> dict[str, Any]:
    """What fairseq's commands are told of the task."""
    if not experiment.models.translates:
        return {"task": "language_modeling"}
    languages = experiment.languages
    return {"source-lang": languages.source, "target-lang": languages.target}


def batch_parts(run: Run, devices: Devices) -> int:
    """update-freq of an experiment with batch_tokens; raises SharingError if no number fits."""
    assert run.experiment.batch_tokens is not None
    return update_freq(run.experiment.batch_tokens, run.options["max-tokens"], devices.count)


def batch_statement(run: Run, devices: Devices) -> str:
    """How the batch of an experiment with batch_tokens is made up, as printed for the user."""
    parts, tokens = batch_parts(run, devices), run.options["max-tokens"]
    return f"update-freq {parts}: {tokens:,} tokens x {devices} x {parts} = " + (
        f"{tokens * devices.count * parts:,}"
    )


def precision_of(run: Run, wanted: str, devices: Devices) -> str:
    """The precision that the run's own options ask for, else what is wanted, as the devices can."""
    own = [name for name in FASTER if run.options.get(name)]
    if not own:
        return precision_for(wanted, devices)
    if devices.kind == "cpu":
        raise SharingError(
            f"system {run.name}: '{own[0]} = true' needs a GPU, and there is none: leave it out, "
            "then --precision chooses what the device can"
        )
    if wanted not in ("auto", *own):
        raise SharingError(
            f"--precision {wanted}: system {run.name} has '{own[0]} = true'; leave out one of them"
        )
    return own[0]


def _precision_flag(run: Run, wanted: str, devices: Devices) -> dict[str, Any]:
    precision = precision_of(run, wanted, devices)
    return {} if precision == "fp32" or run.options.get(precision) else {precision: True}


def newest_intact(checkpoints: Path) -> Path | None:
    """checkpoint_last.pt, or the one before it if a kill interrupted the copying of the last."""
    saved = sorted(checkpoints.glob("checkpoint*.pt"), key=lambda path: path.stat().st_mtime)
    last = [path for path in saved if path.name == "checkpoint_last.pt"]
    return next((path for path in [*last, *reversed(saved)] if zipfile.is_zipfile(path)), None)


def user_dir() -> str:
    """The installed plugin, as fairseq's --user-dir takes it."""
    return str(Path(fairseq_sharing.__file__).parent)


def on_cpu() -> bool:
    return not torch.cuda.is_available()
