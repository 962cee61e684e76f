"""Runs fairseq's command-line tools: several side by side, each with its own log file."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SharingError

POLL_SECONDS = 0.5
STOP = (signal.SIGTERM, signal.SIGUSR1)
PATIENCE_SECONDS = 90
"""How long a command may take to end: a training finishes its update and saves first."""

Place = dict[str, str]
"""Where a job runs: environment variables that it has beside those of this process."""

ALONE: list[Place] = [{}]
"""A single place, with all devices of this process."""

THREADS = "OMP_NUM_THREADS"
"""The environment variable by which PyTorch takes that many threads; 1 unless it is set."""

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
"""By these glibc keeps the memory of freed tensors, of up to 1 GiB each and 8 GiB together.

Otherwise it returns most of it at each update of a training on CPUs, and the kernel has to clear it
anew (benchmarks/page_faults.py).
"""

DEFAULTS = {THREADS: "1"} | KEEP_MEMORY
"""What a command has in its environment unless that of this process says otherwise."""

ENVIRONMENT = {
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(PATIENCE_SECONDS - 10),
}
ROOM_FOR_A_LOG = 2**14
"""Bytes; with less of the disk free, a command may fail before it can log that the disk is full."""

_FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large", re.IGNORECASE)
_ERROR = re.compile(r"^(\[rank\d+\]: )?\S*(Error|Exception|error)\b")
_OF_ANOTHER = re.compile(r"ChildFailedError|Connection (closed|reset) by peer", re.IGNORECASE)
"""Errors of a process that only failed because another one did."""


@dataclass(frozen=True)
class Job:
    """A command whose output goes to a log file, appended to what an earlier attempt left.

    It holds the descriptors in locks for as long as it lives. environment is added to this
    process's and to that of the place where it runs.
    """

    name: str
    command: list[str]
    log: Path
    on_success: Callable[[], None] = lambda: None
    locks: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


class _Process:
    """A running job, with one thread unless its place says otherwise."""

    def __init__(self, job: Job, place: Place, lock: int) -> None:
        self.job, self.place = job, place
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab") as log:
            self.begin = log.tell()
            self.popen = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=DEFAULTS | os.environ | ENVIRONMENT | place | job.environment,
                pass_fds=(lock, *job.locks),
                start_new_session=True,
            )

    def failure(self) -> SharingError:
        """The error of a command whose exit status is not 0."""
        tool = next((part for part in self.job.command if "fairseq-" in Path(part).name), None)
        name = Path(tool or self.job.command[0]).name
        return SharingError(
            f"{self.job.name}: {name} ended with status {self.popen.returncode}: "
            f"{self.last_words()} (all of it in {self.job.log})"
        )

    def last_words(self) -> str:
        """What to quote of its output: that the disk is full, the last error or the last line."""
        with self.job.log.open("rb") as log:
            log.seek(self.begin)
            text = log.read().decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()]
        full = _FULL.search(text)
        if full or shutil.disk_usage(self.job.log.parent).free < ROOM_FOR_A_LOG:
            return (
                f"{full[0] if full else 'No space left on device'}: free some on the disk of "
                f"{self.job.log.parent}, then run the same command to resume"
            )
        errors = [line for line in lines if _ERROR.search(line) and not _OF_ANOTHER.search(line)]
        return (errors or lines or ["it printed nothing"])[-1].strip()


def run_jobs(
    jobs: list[Job],
    places: list[Place],
    lock: int,
    watch: Callable[[set[str]], None] = lambda running: None,
) -> None:
    """Run all jobs in the given order, each in the first of the places that is free.

    watch is called twice a second with the names of the running jobs. When a job fails, or this
    process is interrupted or asked to stop by SIGTERM or SIGUSR1, the others are stopped.
    """
    waiting, free, running = list(jobs), list(places), list[_Process]()
    with _asked_to_stop() as asked:
        try:
            while waiting or running:
                while waiting and free:
                    running.append(_Process(waiting.pop(0), free.pop(0), lock))
                watch({process.job.name for process in running})
                time.sleep(POLL_SECONDS)
                if asked:
                    return
                for process in list(running):
                    if process.popen.poll() is not None:
                        running.remove(process)
                        free.append(process.place)
                        if process.popen.returncode != 0:
                            raise process.failure()
                        process.job.on_success()
            watch(set())
        finally:
            _stop([process.popen for process in running])


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Collect the signals in STOP while the body runs; afterwards one of them ends this process."""
    asked = list[int]()
    previous = {
        signum: signal.signal(signum, lambda number, frame: asked.append(number)) for signum in STOP
    }
    try:
        yield asked
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
    if asked:
        raise SystemExit(128 + asked[0])


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask each to end (a training saves first), and kill those that do not."""
    for process in processes:
        process.terminate()
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
