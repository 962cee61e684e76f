"""The second stage: every system trained by fairseq-train, side by side where cores allow."""

import dataclasses
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..checkpoint.contents import Checkpoint
from ..errors import SharingError
from . import provenance, speed
from .devices import Devices, these_devices
from .experiment import Experiment
from .fairseq_options import read_command
from .jobs import Job, run_jobs, save_command
from .prepare import DATA, require_prepared
from .progress import TrainingDisplay
from .runs import Run, runs_of, save_run
from .stages import Stage, exclusive
from .training_command import (
    batch_statement,
    newest_intact,
    on_cpu,
    precision_of,
    training_command,
)

VERSIONS = "versions.json"


def train(
    experiment: Experiment, folder: Path, devices: Devices | None = None, precision: str = "auto"
) -> None:
    """Train the systems that are not trained yet, the deepest first, on devices each.

    An interrupted training goes on from its last checkpoint. A system that was begun with other
    options or in another precision is an error, and so is the failure of any training, which stops
    the others. On other ranks than 0, do a part of what rank 0 trains.
    """
    devices = devices or these_devices(1)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    waiting = waiting_runs(runs, devices)
    for run in waiting:
        read_command(run.name, training_command(run, folder, devices, precision))
        _refuse_other_precision(run, precision_of(run, precision, devices))
    complete = [run for run in waiting if _has_all_updates(run)]
    waiting = [run for run in waiting if run not in complete]
    with ExitStack() as held:
        lock = held.enter_context(exclusive(folder, shared=True))
        jobs = [
            _job(run, number, folder / DATA, devices, precision)
            for number, run in enumerate(waiting)
        ]
        if devices.rank > 0:
            run_jobs(jobs, 1, lock)
            return
        for run in complete:
            run.training.finish()
        locks = [held.enter_context(exclusive(run.folder)) for run in waiting]
        begun = [
            _begin(
                *(job, run, own),
                devices=str(devices),
                nodes=devices.nodes,
                precision=precision_of(run, precision, devices),
            )
            for job, run, own in zip(jobs, waiting, locks, strict=True)
        ]
        display = held.enter_context(TrainingDisplay(runs))
        alone = devices.nodes > 1 or devices.started
        run_jobs(begun, 1 if alone else slots(devices.per_node), lock, display.update)


def waiting_runs(runs: list[Run], devices: Devices) -> list[Run]:
    """Those that are not trained, deepest first; prints what their batches are made up of.

    Raises SharingError for a run that was begun with other options, and for devices that cannot
    give the batch.
    """
    for run in runs:
        run.training.refuse_changes()
    waiting = [run for run in runs if not run.training.is_finished()]
    statements = {_batch(run, devices) for run in waiting} - {""}
    if devices.rank == 0:
        print(*sorted(statements), sep="\n", end="\n" if statements else "", flush=True)
    return sorted(waiting, key=lambda run: run.system.layers, reverse=True)


def _refuse_other_precision(run: Run, precision: str) -> None:
    """Raise SharingError if the training was begun in another one."""
    begun = provenance.last_attempt(run.folder / VERSIONS).get("precision", precision)
    if begun != precision:
        raise SharingError(
            f"{run.folder}: 'train' was begun in {begun}, and this would be {precision}: give "
            f"--precision {begun}, remove that folder, or choose another one with --runs"
        )


def measure_speed(experiment: Experiment, folder: Path) -> None:
    """Let all systems take turns on one device, once they are trained; noted in speed.json."""
    runs = runs_of(experiment, folder)
    if speed_stage(runs, folder).is_finished():
        return
    with ExitStack() as held:
        try:
            lock = held.enter_context(exclusive(folder))
        except SharingError as error:
            print(f"training speed is not measured yet: {error}; then run the same command again")
            return
        print("measuring training speed, all systems taking turns")
        run_jobs([_speed_job(runs, folder)], 1, lock)


def speed_stage(runs: list[Run], folder: Path) -> Stage:
    """The measurement of all systems' speeds beside each other, in updates a second."""
    settings = {run.system.name: run.training.settings for run in _one_a_system(runs)}
    return Stage(folder, "speed", settings, (folder / "speed.json",))


def _speed_job(runs: list[Run], folder: Path) -> Job:
    stage = speed_stage(runs, folder)
    command = [sys.executable, "-m", speed.__name__, str(stage.outputs[0])]
    command += [str(run.folder) for run in _one_a_system(runs)]
    return Job("speed", command, folder / "speed.log", stage.finish)


def _one_a_system(runs: list[Run]) -> list[Run]:
    """Without further seeds, which are as fast."""
    firsts: dict[str, Run] = {}
    for run in runs:
        firsts.setdefault(run.system.name, run)
    return list(firsts.values())


def slots(cores_each: int = 1) -> int:
    """How many jobs run side by side: as many as the cores take, or one on the GPUs."""
    return max(1, len(os.sched_getaffinity(0)) // cores_each) if on_cpu() else 1


def _batch(run: Run, devices: Devices) -> str:
    """How a batch of given size is made up; without batch_tokens devices would multiply it."""
    if run.experiment.batch_tokens is not None:
        return batch_statement(run, devices)
    if devices.count > 1:
        raise SharingError(
            f"{devices} would multiply the batch by {devices.count}: give the experiment its size "
            "as batch_tokens = N, which is then kept on any devices, or --devices 1"
        )
    return ""


def _job(run: Run, number: int, data: Path, devices: Devices, precision: str) -> Job:
    """The training, or this node's or process's part of it, which has a log of its own."""
    command = devices.command(training_command(run, data, devices, precision), number)
    log = run.folder / f"train.{devices.rank}.log" if devices.rank else run.log
    return Job(run.name, command, log, environment=devices.environment(number))


def _begin(job: Job, run: Run, lock: int, **attempt: Any) -> Job:
    """Note what the training is and what this attempt at it runs on, before it starts."""
    run.training.begin()
    save_run(run)
    save_command(run.folder / "command.txt", job.command)
    provenance.record(run.folder / VERSIONS, command=shlex.join(job.command), **attempt)
    return dataclasses.replace(job, on_success=run.training.finish, locks=(lock,))


def _has_all_updates(run: Run) -> bool:
    """Whether only the stamp is missing: fairseq-train would add an update to such a training."""
    newest = newest_intact(run.checkpoint.parent)
    return newest is not None and Checkpoint.read(newest).num_updates >= run.max_update
