"""How a job gets into Slurm's queue: once, by submitit, ready to be stopped and queued again."""

import contextlib
import io
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..commands.devices import Devices
from ..errors import SharingError
from ..files import read_json, write_json

SECONDS_TO_SAVE = 120
SIGNAL = "USR1"
"""What Slurm sends before a job's time is up; submitit listens for it instead of its default."""
REQUEUES = 1000
"""How often a job that ran out of time is queued again; it is done when its updates are."""
NUMBER = "job.json"
"""The file with the number of the job that was submitted last, beside its output."""
LISTENING_LATER = (
    "import os, signal, sys; "
    "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM}); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Starts Python with its signals blocked until ``slurm_job`` handles them."""


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


def send_once(name: str, command: list[str], logs: Path, request: Request, after: list[str]) -> str:
    """Submit a job unless that of an earlier submission is still there; returns its number."""
    before = read_json(logs / NUMBER).get("job")
    state = _state_of(str(before)) if before else None
    if state:
        print(
            f"{name}: job {before} is there already ({state}), none is submitted; to have it "
            f"otherwise, first scancel {before}"
        )
        return str(before)
    number = send(name, command, logs, request, after)
    write_json(logs / NUMBER, {"job": number})
    return number


def _state_of(job: str) -> str | None:
    """The state of a job in squeue, such as PENDING; None if it is no longer listed."""
    shown = subprocess.run(
        ["squeue", "--noheader", "--format=%T", f"--jobs={job}"], capture_output=True, text=True
    )
    if shown.returncode != 0 and "Invalid job id" not in shown.stderr:
        raise SharingError(
            f"squeue does not say whether job {job} is still there: {shown.stderr.strip()}; "
            "try again, so that nothing is trained twice"
        )
    return next(iter(shown.stdout.split()), None)


def send(name: str, command: list[str], logs: Path, request: Request, after: list[str]) -> str:
    """Submit a job; returns its number.

    The function is pickled by value, so that the job handles signals before it imports fairseq.
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
        with contextlib.redirect_stderr(io.StringIO()):  # submitit repeats sbatch's message
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


def print_script(
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
