"""Jobs of Slurm: the scripts that are submitted, and what is refused."""

import os
import re
import subprocess
import sys

import pytest
from support import run

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.training import slurm
from fairseq_sharing.training.slurm import Request, submit

TWO_NODES = Request(Devices("gpu", 8, 2, started=True), "gpu", 2880, {"account": "mine"})


def test_the_script_of_a_job(tmp_path, capsys):
    logs = tmp_path / "my runs" / "slurm"
    slurm._print_script("speed", ["fairseq-sharing"], logs, TWO_NODES, ["12", "13"])
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
