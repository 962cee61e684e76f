"""Runs fairseq's command-line tools: several side by side, each with its own log file."""

import os
import re
import shlex
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ..errors import SharingError
from .stages import write_text

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Job:
    """A command whose output goes to a log file, appended to what an earlier attempt left."""

    name: str
    command: list[str]
    log: Path
    on_success: Callable[[], None] = lambda: None

    def start(self, lock: int) -> subprocess.Popen[bytes]:
        """Start it with one thread; it holds the lock's descriptor for as long as it lives."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ
                | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
                pass_fds=(lock,),
                start_new_session=True,
            )

    def last_words(self) -> str:
        """The last line of the log that looks like an error, else its last line."""
        lines = [
            line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()
        ]
        errors = [line for line in lines if re.search(r"^\S*(Error|Exception|error)\b", line)]
        return (errors or lines or ["it printed nothing"])[-1].strip()


def fairseq_tool(name: str) -> str:
    """The path of a fairseq command, such as fairseq-train, beside the running Python."""
    tool = Path(sysconfig.get_path("scripts")) / name
    if not tool.exists():
        raise SharingError(
            f"{tool} not found: install fairseq with pip install 'fairseq-sharing[fairseq]'"
        )
    return str(tool)


def save_command(path: Path, command: list[str]) -> None:
    """Write the command as a line that a shell takes."""
    write_text(path, shlex.join(command) + "\n")


def run_jobs(
    jobs: list[Job], slots: int, lock: int, watch: Callable[[set[str]], None] = lambda running: None
) -> None:
    """Run all jobs, at most slots at a time and in the given order.

    watch is called twice a second with the names of the running jobs. When a job fails, or this
    process is interrupted or terminated, the others are stopped.
    """
    waiting, running = list(jobs), dict[str, tuple[Job, subprocess.Popen[bytes]]]()
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while waiting or running:
            while waiting and len(running) < slots:
                job = waiting.pop(0)
                running[job.name] = job, job.start(lock)
            watch(set(running))
            time.sleep(POLL_SECONDS)
            for job, process in list(running.values()):
                if process.poll() is not None:
                    del running[job.name]
                    if process.returncode == 0:
                        job.on_success()
                    else:
                        raise SharingError(
                            f"{job.name}: {Path(job.command[0]).name} ended with status "
                            f"{process.returncode}: {job.last_words()} (all of it in {job.log})"
                        )
        watch(set())
    finally:
        _stop([process for _, process in running.values()])
        signal.signal(signal.SIGTERM, previous)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
