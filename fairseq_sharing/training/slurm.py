"""Trainings as jobs of a Slurm cluster, through submitit: one for each system and seed."""

import contextlib
import dataclasses
import io
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..commands.devices import Devices
from ..corpus.prepare import require_prepared
from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, runs_of
from ..files import exclusive, read_json, write_json
from .speed_stage import is_measured
from .train import waiting_runs

JOBS = "slurm"
SECONDS_TO_SAVE = 120
LEAST_MINUTES = 5
"""Slurm sends a signal up to a minute early; with less time a job could stop before it trains."""
SIGNAL = "USR1"
"""Sent so long before a job's time is up; by default submitit takes another one for preemption."""
REQUEUES = 1000
"""How often a job that ran out of time is queued again; it is done when its updates are."""
NUMBER = "job.json"
"""Which job was submitted last, beside its output."""
LISTENING_LATER = (
    "import os, signal, sys; "
    "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM}); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Starts Python with signals held back until ``slurm_job`` handles them, instead of ending it."""


@dataclass(frozen=True)
class Request:
    """What each job asks Slurm for: devices, a partition, minutes, and other options of sbatch."""

    devices: Devices
    partition: str | None
    minutes: int
    other: dict[str, Any] = field(default_factory=dict)

    def parameters(self, name: str, after: list[str]) -> dict[str, Any]:
        """The same as submitit names it, with a task for each device.

        after are the numbers of the jobs that have to succeed first.
        """
        devices, other = self.devices, dict(self.other)
        if after:
            other |= {"dependency": "afterok:" + ":".join(after), "kill-on-invalid-dep": "yes"}
        return {
            "job_name": name,
            "partition": self.partition,
            "time": self.minutes,
            "nodes": devices.nodes,
            "ntasks_per_node": devices.per_node,
            "gpus_per_node": devices.per_node if devices.kind == "gpu" else None,
            "setup": [f"export SUBMITIT_PREEMPT_SIGNAL={SIGNAL}"],
            "stderr_to_stdout": True,
            "srun_args": ["--kill-on-bad-exit"],
            "additional_parameters": {"requeue": True, "signal": f"{SIGNAL}@{SECONDS_TO_SAVE}"}
            | other,
        }


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
    send = _print_script if dry_run else _send_once
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


def _send_once(
    name: str, command: list[str], logs: Path, request: Request, after: list[str]
) -> str:
    """Submit a job unless that of an earlier submission is still there; returns its number."""
    before = read_json(logs / NUMBER).get("job")
    state = _state_of(str(before)) if before else None
    if state:
        print(
            f"{name}: job {before} is there already ({state}), none is submitted; to have it "
            f"otherwise, first scancel {before}"
        )
        return str(before)
    number = _send(name, command, logs, request, after)
    write_json(logs / NUMBER, {"job": number})
    return number


def _state_of(job: str) -> str | None:
    """What squeue says of a job, such as PENDING; None if it does not know it any more."""
    shown = subprocess.run(
        ["squeue", "--noheader", "--format=%T", f"--jobs={job}"], capture_output=True, text=True
    )
    if shown.returncode != 0 and "Invalid job id" not in shown.stderr:
        raise SharingError(
            f"squeue does not say whether job {job} is still there: {shown.stderr.strip()}; "
            "try again, so that nothing is trained twice"
        )
    return next(iter(shown.stdout.split()), None)


def _send(name: str, command: list[str], logs: Path, request: Request, after: list[str]) -> str:
    """Submit a job; returns its number.

    What it runs is sent by value, so that it need not import fairseq before it hears signals.
    """
    import cloudpickle  # type: ignore[import-untyped]
    import submitit

    from . import slurm_job

    cloudpickle.register_pickle_by_value(slurm_job)
    executor = submitit.SlurmExecutor(logs, max_num_timeout=REQUEUES, python=_python())
    executor.update_parameters(**request.parameters(name, after))
    logs.mkdir(parents=True, exist_ok=True)
    before = set(logs.iterdir())
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # where submitit repeats what sbatch says
            job = executor.submit(slurm_job.ResumableCommand(command))
    except submitit.core.utils.FailedJobError as error:
        for path in set(logs.iterdir()) - before:
            path.unlink()
        reason = str(error).partition("\n")[0].removeprefix("sbatch: ").removeprefix("error: ")
        raise SharingError(f"sbatch refuses the job for {name}: {reason}") from None
    print(f"{name}: job {job.job_id}, its output in {logs}")
    return job.job_id


def _python() -> str:
    return shlex.join([sys.executable, "-c", LISTENING_LATER])


def _print_script(
    name: str, command: list[str], logs: Path, request: Request, after: list[str]
) -> str:
    """Print what submitit would give to sbatch; returns what stands for the job's number."""
    from submitit.slurm import slurm

    class Preview(slurm.SlurmExecutor):
        affinity = classmethod(lambda cls: 1)

    executor = Preview(logs, python=_python())
    executor.update_parameters(**request.parameters(name, after))
    print(executor._make_submission_file_text(executor._submitit_command_str, ""))
    return f"JOB_OF_{name}"
