"""Jobs of Slurm: the scripts that are submitted and, where a cluster answers, a preempted one."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from batches import checkpoint, copy, same
from support import run

from fairseq_sharing import SharingError
from fairseq_sharing.recipe import slurm
from fairseq_sharing.recipe.devices import Devices
from fairseq_sharing.recipe.slurm import Request, submit

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
        (("--slurm", "--time", "2 days"), r"'2 days' must be [DAYS-]HH:MM:SS"),
        (("--slurm", "--devices", 2, "--gpus-per-node", 2), "give the one or the other"),
        (("--slurm", "--gpus-per-node", "0"), "'0' must be a whole number, at least 1"),
    ],
)
def test_options_that_contradict(tiny_file, options, message):
    refused = run("fairseq-sharing", "train", tiny_file, *options, check=False)
    assert refused.returncode == 2
    assert message in refused.stdout.splitlines()[-1]


def cluster_answers() -> bool:
    ping = shutil.which("scontrol") and subprocess.run(["scontrol", "ping"], capture_output=True)
    return bool(ping) and ping.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not cluster_answers(), reason="no Slurm here")
def test_a_preempted_job_is_queued_again_and_ends_the_same(batches_prepared, undisturbed, tmp_path):
    where = copy(batches_prepared, tmp_path)
    printed = run("fairseq-sharing", "train", *where, "--slurm", "--devices", 2).stdout
    (number,) = re.findall(r"job (\d+), its output", printed)
    folder = tmp_path / "tiny" / "vanilla"
    log = folder / "train.log"
    try:
        wait_for(log, '"num_updates": "20"')
        subprocess.run(["scancel", "--signal=USR1", number], check=True)
        wait_for(log, "stopped when asked to")
        while "BeginTime" not in job(number):
            time.sleep(1)
        subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], check=True)
        wait_for(folder / "train.stage.json", '"finished": true')
    finally:
        subprocess.run(["scancel", number], check=True)
    assert log.read_text().count("Loaded checkpoint") == 1
    assert same(checkpoint(where), undisturbed)


def wait_for(path: Path, text: str) -> None:
    end = time.monotonic() + 600
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < end, f"{path} does not say {text}"
        time.sleep(0.1)


def job(number: str) -> str:
    shown = subprocess.run(["scontrol", "show", "job", number], capture_output=True, text=True)
    return shown.stdout
