"""Decides when training speeds are measured: once, after the systems are trained."""

import dataclasses
import sys
from contextlib import ExitStack
from pathlib import Path

from ..commands.jobs import ALONE, Job, run_jobs
from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, runs_of
from ..experiment.stages import Stage
from ..files import exclusive, read_json
from . import speed


def measure_speed(experiment: Experiment, folder: Path) -> None:
    """Let all systems take turns on one device, once they are trained; noted in speed.json."""
    runs = runs_of(experiment, folder)
    if is_measured(runs, folder):
        return
    with ExitStack() as held:
        try:
            lock = held.enter_context(exclusive(folder))
        except SharingError as error:
            print(f"training speed is not measured yet: {error}; then run the same command again")
            return
        print("measuring training speed, all systems taking turns")
        run_jobs([_speed_job(runs, folder)], ALONE, lock)
    if not read_json(_stage(runs, folder).outputs[0]):
        print(
            "training speed is not measured: two systems do not fit into the device's memory; the "
            "report takes it from the logs of the trainings"
        )


def is_measured(runs: list[Run], folder: Path) -> bool:
    """Whether the runs' systems have been measured beside each other, and maybe others'."""
    stage = _stage(runs, folder)
    recorded = stage.recorded() or {}
    return dataclasses.replace(stage, settings=recorded | stage.settings).is_finished()


def _stage(runs: list[Run], folder: Path) -> Stage:
    settings = {run.system.name: run.training.settings for run in _one_a_system(runs)}
    return Stage(folder, "speed", settings, (folder / "speed.json",))


def _speed_job(runs: list[Run], folder: Path) -> Job:
    stage = _stage(runs, folder)
    command = [sys.executable, "-m", speed.__name__, str(stage.outputs[0])]
    command += [str(run.folder) for run in _one_a_system(runs)]
    return Job("speed", command, folder / "speed.log", stage.finish)


def _one_a_system(runs: list[Run]) -> list[Run]:
    """Without further seeds, which are as fast."""
    firsts: dict[str, Run] = {}
    for run in runs:
        firsts.setdefault(run.system.name, run)
    return list(firsts.values())
