"""Trainings in several processes, on several nodes, stopped and gone on with: always the same."""

import dataclasses
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from batches import INTERVAL, UPDATES, checkpoint, copy, same
from support import BIN, run

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.experiment import provenance
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.training.train import train


@pytest.mark.slow
def test_torchrun_of_the_script(batches_prepared, undisturbed, installed, tmp_path):
    where = copy(batches_prepared, tmp_path / "runs")
    script = installed / "scripts" / "train.sh"
    torchrun = ("--standalone", "--no-python", "--nproc-per-node", 2, script)
    printed = run("torchrun", *torchrun, *where).stdout
    assert printed.count("update-freq 1: 600 tokens x 2 CPU processes x 1 = 1,200\n") == 1
    assert same(checkpoint(where), undisturbed)


@pytest.mark.slow
def test_two_nodes(batches_prepared, undisturbed, tmp_path):
    where = copy(batches_prepared, tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"localhost:{free.getsockname()[1]}"
    command = [BIN / "fairseq-sharing", "train", *where, "--nodes", 2, "--rdzv-endpoint", endpoint]
    nodes = [subprocess.Popen([*map(str, command), "--node-rank", str(rank)]) for rank in (1, 0)]
    assert [node.wait(300) for node in nodes] == [0, 0]
    assert same(checkpoint(where), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL])
def test_stopped_at_a_random_point(batches_prepared, undisturbed, tmp_path, signum):
    """Two processes go on as one. Asked to stop they lose nothing, killed at most an interval."""
    where = copy(batches_prepared, tmp_path)
    folder = tmp_path / "tiny" / "vanilla"
    at = random.randint(INTERVAL + 1, UPDATES - 10)
    print(f"{signum.name} at update {at}")
    with subprocess.Popen(
        [BIN / "fairseq-sharing", "train", *map(str, where), "--devices", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as training:
        while updates(folder / "train.log") < at:
            assert training.poll() is None
            time.sleep(0.02)
        if signum == signal.SIGKILL:
            kill(training)
        else:
            training.send_signal(signum)
        said = training.communicate()[0]
    if signum == signal.SIGKILL:
        assert "fairseq-train ended with status -9" in said
    else:
        assert training.returncode == 128 + signum
        assert "stopped when asked to" in (folder / "train.log").read_text()
    reached = checkpoint(where)["optimizer_history"][-1]["num_updates"]
    saved = (at - 1) // INTERVAL * INTERVAL  # that of an update follows its line in the log
    assert reached >= (saved if signum == signal.SIGKILL else at)
    run("fairseq-sharing", "train", *where)
    assert (
        f"@ {reached} updates)" in (folder / "train.log").read_text().split("Loaded checkpoint")[1]
    )
    assert same(checkpoint(where), undisturbed)
    assert kept_updates(folder) == list(range(2, UPDATES + 1, 2))
    attempts = json.loads((folder / "versions.json").read_text())
    assert [attempts["devices"], attempts["earlier"][0]["devices"]] == [
        "1 CPU process",
        "2 CPU processes",
    ]


def kept_updates(folder: Path) -> list[int]:
    records = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [record["updates"] for record in records if record["kind"] == "train"]


def updates(log: Path) -> int:
    found = re.findall(r'"num_updates": "(\d+)"', log.read_text()) if log.exists() else []
    return int(found[-1]) if found else 0


def kill(training: subprocess.Popen) -> None:
    """Kill torchrun, and what it has started."""
    below = [training.pid]
    for pid in below:
        below += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in below[1:]:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_disk_that_fills(batches_prepared, tmp_path):
    where = copy(batches_prepared, tmp_path)
    saving = tmp_path / "tiny" / "vanilla" / "checkpoints" / "checkpoint_best.pt.tmp"
    saving.parent.mkdir(parents=True)
    saving.symlink_to("/dev/full")
    failed = run("fairseq-sharing", "train", *where, check=False)
    assert failed.returncode == 2
    assert failed.stdout.splitlines()[-1].startswith(
        "fairseq-sharing: error: vanilla: fairseq-train ended with status 1: No space left on "
        f"device: free some on the disk of {saving.parents[1]}, then run the same command"
    )


def test_devices_that_would_change_the_training(tiny, batches, batches_prepared):
    vanilla = dataclasses.replace(tiny, systems=tiny.systems[:1])
    with pytest.raises(SharingError, match=r"2 CPU processes would multiply the batch by 2: give"):
        train(vanilla, batches_prepared / "tiny", Devices("cpu", 2))
    with pytest.raises(SharingError, match=r"3 devices .* cannot give .* in all: 1, 2$"):
        train(batches, batches_prepared / "tiny", Devices("cpu", 3))


def test_another_precision_is_refused(batches, batches_prepared, tmp_path):
    copy(batches_prepared, tmp_path)
    folder = runs_of(batches, tmp_path / "tiny")[0].folder
    provenance.record(folder / "versions.json", precision="bf16")
    with pytest.raises(SharingError, match=r"begun in bf16, and this would be fp32: give --prec"):
        train(batches, tmp_path / "tiny")
