"""The second stage: every system trained by fairseq-train, side by side where there are devices."""

import dataclasses
import shlex
from contextlib import ExitStack
from pathlib import Path

from ..checkpoint.contents import Checkpoint
from ..commands.devices import Devices, these_devices
from ..commands.jobs import Job, run_jobs
from ..commands.places import training_places
from ..commands.tools import save_command
from ..corpus.prepare import DATA, require_prepared
from ..errors import SharingError
from ..experiment import provenance
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, runs_of, save_run
from ..files import exclusive
from .check_lengths import lengths_statement
from .command import batch_statement, newest_intact, precision_of, training_command
from .epochs import require_epochs
from .log import TrainingLog
from .options import read_options
from .progress import TrainingDisplay
from .records import keeping_records

VERSIONS = "versions.json"


def train(
    experiment: Experiment,
    folder: Path,
    devices: Devices | None = None,
    precision: str = "auto",
    jobs: int | None = None,
) -> None:
    """Train the systems that are not trained yet, the deepest first, each on ``devices``.

    As many run side by side as the machine has devices for; jobs is how many share each GPU, or on
    a machine without GPUs how many run in all. An interrupted training resumes from its last
    checkpoint. A system that was begun with other options or in another precision is an error, and
    so is the failure of any training, which stops the others. A rank other than 0 does its part of
    what rank 0 trains.
    """
    devices = devices or these_devices(1)
    places = training_places(devices, jobs)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    waiting = waiting_runs(runs, folder, devices, precision)
    for run in waiting:
        _refuse_other_precision(run, precision_of(run, precision, devices))
    with ExitStack() as held:
        lock = held.enter_context(exclusive(folder, shared=True))
        if devices.rank > 0:
            unfinished = [run for run in waiting if not _has_all_updates(run)]
            run_jobs(_jobs(unfinished, folder / DATA, devices, precision), places, lock)
            return
        own = {run.name: held.enter_context(exclusive(run.folder)) for run in waiting}
        for run in filter(_has_all_updates, waiting):
            run.training.finish()
        unfinished = [run for run in waiting if not run.training.is_finished()]
        trainings = _jobs(unfinished, folder / DATA, devices, precision)
        begun = [
            _begin(job, run, own[run.name], devices, precision_of(run, precision, devices))
            for job, run in zip(trainings, unfinished, strict=True)
        ]
        watched = [(run, TrainingLog(run.log)) for run in runs]
        display = held.enter_context(TrainingDisplay(watched))
        written = [(run, log) for run, log in watched if run.name in own]
        keep_records = held.enter_context(keeping_records(written))

        def watch(running: set[str]) -> None:
            display.update(running)
            keep_records()

        run_jobs(begun, places, lock, watch)


def waiting_runs(runs: list[Run], folder: Path, devices: Devices, precision: str) -> list[Run]:
    """Those that are not trained, deepest first; prints what their batches are made up of.

    Raises SharingError for a run that was begun with other options, for options that fairseq-train
    would refuse, and for devices that cannot give the batch or the precision.
    """
    for run in runs:
        run.training.refuse_changes()
    waiting = [run for run in runs if not run.training.is_finished()]
    statements = {_batch(run, devices) for run in waiting}
    for run in waiting:
        args = read_options(run, folder / DATA, devices, precision)
        require_epochs(run, args, folder / DATA, devices)
        statements.add(lengths_statement(run, folder / DATA, args))
    statements.discard("")
    if devices.rank == 0:
        print(*sorted(statements), sep="\n", end="\n" if statements else "", flush=True)
    return sorted(waiting, key=lambda run: run.depth, reverse=True)


def _refuse_other_precision(run: Run, precision: str) -> None:
    """Raise SharingError if the training was begun in another one."""
    begun = provenance.last_attempt(run.folder / VERSIONS).get("precision", precision)
    if begun != precision:
        raise SharingError(
            f"{run.folder}: 'train' was begun in {begun}, and this would be {precision}: give "
            f"--precision {begun}, remove that folder, or choose another one with --runs"
        )


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


def _jobs(runs: list[Run], data: Path, devices: Devices, precision: str) -> list[Job]:
    """Each training, or this node's or process's part of it, which has a log of its own."""
    return [
        Job(
            run.name,
            devices.command(training_command(run, data, devices, precision), number),
            run.folder / f"train.{devices.rank}.log" if devices.rank else run.log,
            environment=devices.environment(number),
        )
        for number, run in enumerate(runs)
    ]


def _begin(job: Job, run: Run, lock: int, devices: Devices, precision: str) -> Job:
    """Note what the training is and what this attempt at it runs on, before it starts."""
    run.training.begin()
    save_run(run)
    save_command(run.folder / "command.txt", job.command)
    provenance.record(
        run.folder / VERSIONS,
        command=shlex.join(job.command),
        devices=str(devices),
        nodes=devices.nodes,
        precision=precision,
    )
    return dataclasses.replace(job, on_success=run.training.finish, locks=(lock,))


def _has_all_updates(run: Run) -> bool:
    """Whether only the record is missing; fairseq-train would make one more update."""
    newest = newest_intact(run.checkpoint.parent)
    if newest is None:
        return False
    return Checkpoint.read(newest, mapped=True).num_updates >= run.max_update
