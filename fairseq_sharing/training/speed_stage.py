"""Decides when training speeds are measured: once, after the systems are trained."""

import dataclasses
import sys
from contextlib import ExitStack
from pathlib import Path

from ..commands.jobs import ALONE, Job, run_jobs
from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.runs import RECORD, Run, read_run, runs_of
from ..experiment.stages import Stage
from ..files import exclusive, read_json
from . import speed

SPEED = "speed.json"
"""In an experiment's folder: updates a second of its systems, all taking turns at one machine.

For each system by the update from which on it has that speed.
"""


def measure_speed(experiment: Experiment, folder: Path) -> None:
    """Let all systems take turns on one device, once they are trained; noted in speed.json."""
    runs = runs_of(experiment, folder)
    if is_measured(runs, folder):
        return
    runs += _measured_before(runs, folder)
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


def _measured_before(runs: list[Run], folder: Path) -> list[Run]:
    """Further systems that have a speed, which would be lost if only these runs took turns."""
    names = {run.system.name for run in runs}
    folders = [folder / name for name in read_json(folder / SPEED) if name not in names]
    return [read_run(one) for one in folders if (one / RECORD).exists()]


def _stage(runs: list[Run], folder: Path) -> Stage:
    settings = {
        run.system.name: {
            key: value for key, value in run.training.settings.items() if key != "seed"
        }
        for run in _one_a_system(runs)
    }
    return Stage(folder, "speed", settings, (folder / SPEED,))


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
