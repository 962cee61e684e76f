"""Trainings as jobs of a Slurm cluster, through submitit: one for each system and seed."""

import contextlib
import dataclasses
import shutil
from pathlib import Path

from ..corpus.prepare import require_prepared
from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, runs_of
from ..files import exclusive
from .slurm_queue import Request, print_script, send_once
from .speed_stage import is_measured
from .train import waiting_runs

JOBS = "slurm"
LEAST_MINUTES = 5
"""The shortest --time: a job has to train before Slurm's signal, which may be a minute early."""


def submit(
    experiment: Experiment,
    folder: Path,
    request: Request,
    command: list[str],
    *,
    speed: bool,
    dry_run: bool,
    precision: str = "auto",
) -> None:
    """Submit a job for every training that is not done, and one that measures speed after them.

    command is fairseq-sharing train in that precision, without a choice of systems. What waits or
    runs already is not submitted a second time. dry_run prints the scripts instead, and needs no
    Slurm. Raises SharingError for what train would refuse on such
    devices, and where submitit or sbatch is missing or sbatch refuses a job.
    """
    send = print_script if dry_run else send_once
    _require_tools(dry_run)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    waiting = waiting_runs(runs, folder, request.devices, precision)
    with contextlib.nullcontext() if dry_run else exclusive(folder / JOBS):
        numbers = []
        for run in waiting:
            job = [*command, "--no-speed", *_choice([run])]
            numbers.append(send(run.name, job, run.folder / JOBS, request, []))
        if speed and not is_measured(runs, folder):
            alone = dataclasses.replace(request.devices, per_node=1, nodes=1)
            request = dataclasses.replace(request, devices=alone)
            send("speed", [*command, *_choice(runs)], folder / JOBS, request, numbers)


def _choice(runs: list[Run]) -> list[str]:
    systems = dict.fromkeys(run.system.name for run in runs)
    seeds = dict.fromkeys(str(run.seed) for run in runs)
    return ["--systems", ",".join(systems), "--seeds", ",".join(seeds)]


def _require_tools(dry_run: bool) -> None:
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise SharingError(
            "--slurm needs submitit: install it with pip install submitit cloudpickle"
        ) from None
    for tool in () if dry_run else ("sbatch", "srun", "squeue"):
        if shutil.which(tool) is None:
            raise SharingError(
                f"--slurm: {tool} not found: run this where jobs are submitted (on Debian, "
                "apt-get install slurm-client), or add --dry-run to see the scripts"
            )
