"""Commands that run side by side are stopped as gently as they allow, whatever is sent."""

import signal
import subprocess
import sys
import time

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.commands import jobs
from fairseq_sharing.commands.jobs import ALONE, Job, run_jobs
from fairseq_sharing.files import exclusive

CHILD = """
import signal, sys, time
def save(signum, frame):
    time.sleep(1)
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""
PARENT = """
import sys
from pathlib import Path
from fairseq_sharing.commands.jobs import Job, run_jobs
from fairseq_sharing.files import exclusive
folder, child = Path(sys.argv[1]), sys.argv[2]
with exclusive(folder) as lock:
    jobs = [Job(name, [sys.executable, "-c", child], folder / name) for name in ("one", "other")]
    run_jobs(jobs, [{}, {}], lock)
"""


def test_several_signals_at_once_let_every_command_save(tmp_path):
    """Slurm sends SIGUSR1 to all processes of a job, and SIGTERM when the first one is asked."""
    logs = [tmp_path / "one", tmp_path / "other"]
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path, CHILD]) as parent:
        while not all(log.exists() and log.read_text() == "ready\n" for log in logs):
            assert parent.poll() is None
            time.sleep(0.05)
        for signum in (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1):
            parent.send_signal(signum)
    assert parent.returncode in (128 + signal.SIGUSR1, 128 + signal.SIGTERM)
    assert [log.read_text() for log in logs] == ["ready\nsaved\n"] * 2


SHOW = "import os; print(os.environ['MALLOC_TRIM_THRESHOLD_'])"


@pytest.mark.parametrize(("own", "seen"), [(None, str(2**33)), ("7", "7")])
def test_a_job_keeps_freed_memory_unless_its_user_says_otherwise(tmp_path, monkeypatch, own, seen):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    if own:
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", own)
    with exclusive(tmp_path) as lock:
        run_jobs([Job("show", [sys.executable, "-c", SHOW], tmp_path / "log")], ALONE, lock)
    assert (tmp_path / "log").read_text() == f"{seen}\n"


LONG = "import os, pathlib, sys, time; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True)"
LAST = "; [time.sleep(0.05) for _ in range(2400) if not pathlib.Path(sys.argv[1]).exists()]"


def test_a_command_takes_the_place_that_is_free(tmp_path):
    """The first one runs until the last has begun: all others have the other GPU in turn."""
    names = ["first", "second", "third", "last"]
    jobs = [
        Job(
            name,
            [sys.executable, "-c", LONG + LAST * (name == "first"), str(tmp_path / "last")],
            tmp_path / name,
        )
        for name in names
    ]
    gpus = [{"CUDA_VISIBLE_DEVICES": name} for name in ("2", "5")]
    with exclusive(tmp_path) as lock:
        run_jobs(jobs, gpus, lock)
    assert [(tmp_path / name).read_text().strip() for name in names] == ["2", "5", "5", "5"]


@pytest.mark.parametrize(
    ("room", "said"), [(0, "it printed nothing"), (2**80, "No space left on device: free some")]
)
def test_a_command_that_could_not_log_that_the_disk_is_full(room, said, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "ROOM_FOR_A_LOG", room)
    failing = Job("one", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    with pytest.raises(SharingError, match=rf"one: python\S* ended with status 3: {said}"):
        run_jobs([failing], ALONE, lock=2)


def test_a_command_prints_any_letter_whatever_this_process_may_print(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    printing = Job("one", [sys.executable, "-c", "print('größer ± ▁')"], tmp_path / "log")
    with exclusive(tmp_path) as lock:
        run_jobs([printing], ALONE, lock)
    assert printing.log.read_text("utf-8") == "größer ± ▁\n"
