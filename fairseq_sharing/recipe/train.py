"""The second stage: every system trained by fairseq-train, side by side where cores allow."""

import os
import sys
import zipfile
from pathlib import Path

import torch

import fairseq_sharing

from ..errors import SharingError
from . import speed
from .experiment import Experiment, to_flags
from .jobs import Job, fairseq_tool, run_jobs, save_command
from .prepare import DATA, require_prepared
from .progress import TrainingDisplay
from .runs import Run, runs_of, save_run, write_versions
from .stages import Stage, exclusive

DEFAULTS = {
    "arch": "shared_transformer",
    "no-epoch-checkpoints": True,
    "keep-interval-updates": 1,
    "required-batch-size-multiple": 1,
    "num-workers": 0,
    "no-progress-bar": True,
}

# Without reading ahead: a thread that still does so when training is done can abort fairseq-train.
ON_CPU = {"cpu": True, "data-buffer-size": 0}


def train(experiment: Experiment, folder: Path) -> None:
    """Train the systems that are not trained yet, the deepest first.

    An interrupted training goes on from its last checkpoint. A system that was begun with other
    options is an error, and so is the failure of any training, which stops the others.
    """
    _refuse_launcher()
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    for run in runs:
        run.training.refuse_changes()
    waiting = [run for run in runs if not run.training.is_finished()]
    waiting.sort(key=lambda run: run.system.layers, reverse=True)
    with exclusive(folder) as lock:
        jobs = [_begin(run, folder / DATA) for run in waiting]
        with TrainingDisplay(runs) as display:
            run_jobs(jobs, slots(), lock, display.update)
        if not speed_stage(runs, folder).is_finished():
            print("measuring training speed, all systems taking turns")
            run_jobs([_speed_job(runs, folder)], 1, lock)


def speed_stage(runs: list[Run], folder: Path) -> Stage:
    """The measurement of all trainings' speeds beside each other, in updates a second."""
    settings = {run.name: run.training.settings for run in runs}
    return Stage(folder, "speed", settings, (folder / "speed.json",))


def _speed_job(runs: list[Run], folder: Path) -> Job:
    stage = speed_stage(runs, folder)
    command = [sys.executable, "-m", speed.__name__, str(stage.outputs[0])]
    command += [str(run.folder) for run in runs]
    return Job("speed", command, folder / "speed.log", stage.finish)


def _refuse_launcher() -> None:
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1" and not torch.cuda.is_available():
        raise SharingError(
            f"WORLD_SIZE={processes}: on a machine without a GPU, fairseq under torchrun trains "
            f"{processes} separate models; start this once, without a launcher"
        )


def training_command(run: Run, data: Path) -> list[str]:
    """The fairseq-train command; it starts from the newest intact checkpoint if there is one."""
    system, languages = run.system, run.experiment.languages
    checkpoints = run.checkpoint.parent
    given = {
        "source-lang": languages.source,
        "target-lang": languages.target,
        "user-dir": user_dir(),
        "seed": run.seed,
        "save-dir": checkpoints,
        "restore-file": _newest_intact(checkpoints),
        "log-format": "json",
        "sharing-strategy": system.strategy,
        "encoder-layers": system.layers,
        "decoder-layers": system.layers,
    }
    if system.unique_layers is not None:
        given["encoder-unique-layers"] = system.unique_layers
        given["decoder-unique-layers"] = system.unique_layers
    if run.experiment.average_epochs is not None:
        given["no-epoch-checkpoints"] = False
        given["keep-last-epochs"] = run.experiment.average_epochs
    for name in given.keys() & run.options.keys():
        raise SharingError(
            f"system {run.name}: the option '{name}' is set by the pipeline; remove it from "
            "[train] and from the system's options"
        )
    flags = to_flags(DEFAULTS | given | (ON_CPU if on_cpu() else {}) | run.options)
    return [fairseq_tool("fairseq-train"), str(data), *flags]


def user_dir() -> str:
    """The installed plugin, as fairseq's --user-dir takes it."""
    return str(Path(fairseq_sharing.__file__).parent)


def on_cpu() -> bool:
    return not torch.cuda.is_available()


def slots() -> int:
    """How many jobs run side by side: one a core, or one on the GPU."""
    return len(os.sched_getaffinity(0)) if on_cpu() else 1


def _begin(run: Run, data: Path) -> Job:
    run.training.begin()
    command = training_command(run, data)
    save_run(run)
    save_command(run.folder / "command.txt", command)
    write_versions(run.folder / "versions.json")
    return Job(run.name, command, run.log, run.training.finish)


def _newest_intact(checkpoints: Path) -> Path:
    """checkpoint_last.pt, unless a kill cut short its copying from the last interval's."""
    last = checkpoints / "checkpoint_last.pt"
    by_age = sorted(checkpoints.glob("checkpoint_*_*.pt"), key=lambda path: path.stat().st_mtime)
    return next((path for path in [last, *reversed(by_age)] if zipfile.is_zipfile(path)), last)
