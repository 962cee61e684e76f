"""What submitit runs in every task of a Slurm job: a command that can be stopped and run again."""

import os
import signal
import subprocess
import time

from submitit.core.utils import DelayedSubmission
from submitit.helpers import Checkpointable, TorchDistributedEnvironment

SECONDS_BEFORE_FAILING = 150
STOPPED = 128 + signal.SIGTERM


class ResumableCommand(Checkpointable):
    """Runs a command in a task, with its place among the job's tasks in RANK, WORLD_SIZE and so on.

    When Slurm announces by a signal that time is up, submitit lets it end, which is when a training
    has saved, and has the job queued again. Preemption may also send SIGTERM to all processes and
    take a job that ends then for one that failed, so that is queued again here.
    """

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        place = TorchDistributedEnvironment().export()
        self.process = subprocess.Popen(self.command)
        while self.process.poll() is None:
            time.sleep(1)
        if self.process.returncode != 0:
            if place.rank == 0 and self.process.returncode == STOPPED:
                _requeue()
            if place.rank > 0:  # the first task may still be saving, or about to say what is wrong
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(SECONDS_BEFORE_FAILING)
            raise SystemExit(self.process.returncode)

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit's signal handler, so in the middle of __call__."""
        if self.process is not None:
            self.process.terminate()
            _await_end(self.process.pid)
        return DelayedSubmission(ResumableCommand(self.command))


def _requeue() -> None:
    """Have this job queued again, unless it was cancelled."""
    number = os.environ["SLURM_JOB_ID"]
    shown = subprocess.run(["scontrol", "show", "job", number], capture_output=True, text=True)
    if "JobState=RUNNING" in shown.stdout:
        print(f"requeueing job {number}, which was asked to stop", flush=True)
        subprocess.run(["scontrol", "requeue", number], check=True)


def _await_end(pid: int) -> None:
    """Wait for a child without reaping it: subprocess may be at that, and holds a lock then."""
    try:
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            time.sleep(0.1)
    except ChildProcessError:
        return
