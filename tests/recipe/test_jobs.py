"""Commands that run side by side are stopped as gently as they allow, whatever is sent."""

import signal
import subprocess
import sys
import time

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
from fairseq_sharing.recipe.jobs import Job, run_jobs
from fairseq_sharing.recipe.stages import exclusive
folder, child = Path(sys.argv[1]), sys.argv[2]
with exclusive(folder) as lock:
    jobs = [Job(name, [sys.executable, "-c", child], folder / name) for name in ("one", "other")]
    run_jobs(jobs, 2, lock)
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
