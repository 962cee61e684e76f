"""Jobs of Slurm: the scripts that are submitted, and what is refused.

Where there is no cluster, small scripts answer in place of Slurm's commands.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import run

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.training.slurm import submit
from fairseq_sharing.training.slurm_queue import Request, print_script, send

TWO_NODES = Request(Devices("gpu", 8, 2, started=True), "gpu", 2880, {"account": "mine"})


def test_the_script_of_a_job(tmp_path, capsys):
    logs = tmp_path / "my runs" / "slurm"
    print_script("speed", ["fairseq-sharing"], logs, TWO_NODES, ["12", "13"])
    script = capsys.readouterr().out
    assert re.findall(r"^#SBATCH --(.*)", script, re.MULTILINE) == [
        "account=mine",
        "dependency=afterok:12:13",
        "gpus-per-node=8",
        "job-name=speed",
        "kill-on-invalid-dep=yes",
        "nodes=2",
        "ntasks-per-node=8",
        "open-mode=append",
        f"output='{logs}/%j_0_log.out'",
        "partition=gpu",
        "requeue",
        "signal=USR1@120",
        "time=2880",
        "wckey=submitit",
    ]
    assert "export SUBMITIT_PREEMPT_SIGNAL=USR1\n" in script
    assert not logs.exists()


def test_no_slurm_here(batches, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SharingError, match=r"sbatch not found: .* apt-get install slurm-client"):
        submit(batches, tmp_path, TWO_NODES, ["fairseq-sharing"], speed=True, dry_run=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dry-run",), "--dry-run needs --slurm"),
        (("--time", "00:10:00"), "--time needs --slurm"),
        (("--slurm", "--rdzv-endpoint", "a:1"), "--rdzv-endpoint goes without --slurm"),
        (("--slurm", "--jobs", 2), "--jobs goes without --slurm"),
        (("--slurm", "--sbatch=--account=mine"), "long option of sbatch without its dashes"),
        (("--slurm", "--sbatch", "account"), "only contiguous, exclusive,"),
        (("--slurm", "--sbatch", "ntasks=3"), "such as account=NAME; nodes, ntasks, ntasks-per-"),
        (("--slurm", "--time", "2 days"), r"'2 days' must be [DAYS-]HH:MM:SS"),
        (
            ("--slurm", "--time", "00:02:00"),
            "'00:02:00' is too short: jobs are stopped",
        ),
        (("--slurm", "--devices", 2, "--gpus-per-node", 2), "give the one or the other"),
        (("--slurm", "--gpus-per-node", "0"), "'0' must be a whole number, at least 1"),
    ],
)
def test_options_that_contradict(tiny_file, options, message):
    refused = run("fairseq-sharing", "train", tiny_file, *options, check=False)
    assert refused.returncode == 2
    assert message in refused.stdout.splitlines()[-1]


SHOWN = ("CUDA_VISIBLE_DEVICES", "RANK", "LOCAL_RANK", "WORLD_SIZE")
TASK = f"""
from fairseq_sharing.training.slurm_job import ResumableCommand
show = "import os; print(*(os.environ[name] for name in {SHOWN}))"
ResumableCommand([{sys.executable!r}, "-c", show])()
"""


@pytest.mark.parametrize("rank", [0, 1])
def test_a_task_keeps_the_gpus_that_slurm_gave_its_job(rank):
    """fairseq takes the one with its rank, modulo their number, so that every task has its own."""
    task = {
        "SUBMITIT_EXECUTOR": "slurm",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "node0",
        "SLURM_NTASKS": "2",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "CUDA_VISIBLE_DEVICES": "2,3",
    }
    shown = subprocess.run(
        [sys.executable, "-c", TASK], env=os.environ | task, stdout=subprocess.PIPE, text=True
    ).stdout
    assert shown.split() == ["2,3", str(rank), str(rank), "2"]


SBATCH = """
n=$(($(cat {0}/jobs 2>/dev/null | wc -l) + 1)); echo PENDING > {0}/state.$n; echo $n >> {0}/jobs
cp "$1" {0}/script.$n
echo "Submitted batch job $n"
"""
SQUEUE = """
n=${{@: -1}}; n=${{n#--jobs=}}
test -e {0}/down && echo "slurm_load_jobs error: Unable to contact slurm controller" >&2 && exit 1
test -e {0}/state.$n || {{ echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }}
cat {0}/state.$n
"""
SRUN = """
while [[ $1 == -* ]]; do [[ $1 == --output || $1 == --error ]] && shift; shift; done
echo $$ > {0}/task; exec "$@"
"""
SCONTROL = "echo $@ >> {0}/asked; echo JobState=RUNNING"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder that Slurm's commands answer from: the states of jobs, their scripts, requests."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    for name, text in zip(
        ("sbatch", "squeue", "srun", "scontrol"), (SBATCH, SQUEUE, SRUN, SCONTROL), strict=True
    ):
        (folder / name).write_text("#!/bin/bash\n" + text.format(folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


ONE = Request(Devices("cpu", started=True), None, 60)


def submitted(batches, folder, capsys, **options):
    submit(batches, folder, ONE, ["true"], speed=True, dry_run=False, **options)
    return [line for line in capsys.readouterr().out.splitlines() if "job " in line]


def test_what_waits_or_runs_is_not_submitted_again(
    batches, batches_prepared, cluster, tmp_path, capsys
):
    folder = tmp_path / "tiny"
    shutil.copytree(batches_prepared / "tiny", folder)
    first = submitted(batches, folder, capsys)
    assert [line.partition(",")[0] for line in first] == [
        *("cycle rev: job 1", "vanilla: job 2", "speed: job 3")
    ]
    (cluster / "state.2").write_text("RUNNING")
    again = submitted(batches, folder, capsys)
    assert [line.partition(",")[0] for line in again] == [
        "cycle rev: job 1 is there already (PENDING)",
        "vanilla: job 2 is there already (RUNNING)",
        "speed: job 3 is there already (PENDING)",
    ]
    (cluster / "state.1").unlink()
    assert submitted(batches, folder, capsys)[0].startswith("cycle rev: job 4, its output in")
    (cluster / "down").touch()
    with pytest.raises(SharingError, match="squeue does not say whether job 4 is still there"):
        submitted(batches, folder, capsys)
    assert (cluster / "jobs").read_text().split() == ["1", "2", "3", "4"]


@pytest.mark.parametrize("signum", [signal.SIGUSR1, signal.SIGTERM])
def test_a_job_that_is_signalled_while_python_starts_is_queued_again(cluster, tmp_path, signum):
    send("early", ["sleep", "60"], tmp_path / "slurm", ONE, [])
    task = {
        "SLURM_JOB_ID": "1",
        "SLURM_JOB_NODELIST": "node0",
        "SLURM_NTASKS": "1",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    with subprocess.Popen(
        ["bash", cluster / "script.1"],
        env=os.environ | task,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as job:
        wait_for(lambda: (cluster / "task").exists() and (cluster / "task").read_text().strip())
        process = int((cluster / "task").read_text())
        words = Path(f"/proc/{process}/cmdline")
        wait_for(lambda: words.read_bytes().split(b"\0")[1:2] == [b"-u"])
        os.kill(process, signum)
        printed = job.communicate(timeout=60)[0]
    assert "requeue 1" in (cluster / "asked").read_text().splitlines(), printed


def wait_for(condition):
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)
