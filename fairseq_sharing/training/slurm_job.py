"""What submitit runs in every task of a Slurm job: a command that can be stopped and run again."""

import os
import signal
import subprocess
import time

from submitit.core.utils import DelayedSubmission
from submitit.helpers import Checkpointable, TorchDistributedEnvironment

from ..commands.jobs import STOP

SECONDS_BEFORE_FAILING = 150
ASKED_TO_STOP = {128 + signum for signum in STOP} | {-signum for signum in STOP}
"""Exit statuses of a command that was stopped by a signal, handled or not."""


class ResumableCommand(Checkpointable):
    """Runs a command in a task, with its place among the job's tasks in RANK, WORLD_SIZE and so on.

    Which GPUs a job has is Slurm's choice. Its tasks on a node see all of them, and fairseq takes
    the one with the number of the task.

    When Slurm announces by a signal that time is up, submitit lets it end, which is when a training
    has saved, and has the job queued again. Preemption may also send SIGTERM to all processes, and
    Slurm takes a job that ends then for a failed one; such a job is queued again here. Signals that
    came earlier were blocked; they are handled from here on.
    """

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        place = TorchDistributedEnvironment()
        place.export(set_cuda_visible_devices=False, overwrite=True)
        early = signal.sigpending()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
        status = 128 + signal.SIGTERM if signal.SIGTERM in early else self._run()
        if status in ASKED_TO_STOP:
            if place.rank > 0:
                return  # a failure of this task would end the first one before it has saved
            _requeue()
        if status != 0:
            if place.rank > 0:  # leave the first task time to print its error
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(SECONDS_BEFORE_FAILING)
            raise SystemExit(status)

    def _run(self) -> int:
        self.process = subprocess.Popen(self.command)
        while self.process.poll() is None:
            time.sleep(0.2)
        return self.process.returncode

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit's signal handler, while __call__ runs."""
        if self.process is not None:
            self.process.terminate()
            _await_end(self.process.pid)
        return DelayedSubmission(ResumableCommand(self.command))


def _requeue() -> None:
    """Have this job queued again, unless it was cancelled."""
    number = os.environ["SLURM_JOB_ID"]
    show = ["scontrol", "show", "job", number]
    shown = subprocess.run(show, stdout=subprocess.PIPE, text=True, check=True).stdout
    if "JobState=RUNNING" in shown:
        print(f"requeueing job {number}, which was asked to stop", flush=True)
        subprocess.run(["scontrol", "requeue", number], check=True)


def _await_end(pid: int) -> None:
    """Wait for a child without reaping it, which subprocess does while it holds a lock."""
    try:
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            time.sleep(0.1)
    except ChildProcessError:
        return
