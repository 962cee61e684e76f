"""Jobs of Slurm that are stopped and queued again, where a cluster answers."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from batches import UPDATES, checkpoint, copy, same
from support import run


def said_by(*command: str) -> str:
    """What a tool of Slurm prints; nothing where it is missing or finds no cluster."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True).stdout


CLUSTER = said_by("scontrol", "show", "config")
TIERS = sorted(
    (int(tier), name)
    for name, tier in re.findall(
        r"PartitionName=(\S+) .* PriorityTier=(\d+)", said_by("scontrol", "show", "part", "-o")
    )
)
PREEMPTS = "preempt/partition_prio" in CLUSTER and TIERS[0][0] < TIERS[-1][0]
LONG = 10 * UPDATES
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}


class Training:
    """A longer training of one system in two tasks of a job."""

    def __init__(self, prepared: Path, folder: Path, *options: str) -> None:
        self.where = lengthened(prepared, folder)
        self.folder = folder / "tiny" / "vanilla"
        devices = ("--slurm", "--devices", 2, *options)
        printed = run("fairseq-sharing", "train", *self.where, *devices).stdout
        (self.job,) = re.findall(r"job (\d+), its output", printed)

    def state(self) -> str:
        shown = said_by("scontrol", "show", "job", self.job)
        return re.search(r"JobState=(\w+)", shown)[1]

    def log(self) -> str:
        path = self.folder / "train.log"
        return path.read_text() if path.exists() else ""

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Fail after four minutes, or five seconds after the job has ended.

        A job that is queued again passes through a state that looks like an end.
        """
        give_up = time.monotonic() + 240
        while not condition():
            state = self.state()
            if state in ENDED:
                give_up = min(give_up, time.monotonic() + 5)
            if time.monotonic() > give_up:
                outputs = [path.read_text() for path in (self.folder / "slurm").glob("*.out")]
                pytest.fail(f"job {self.job} is {state}, not {what}:\n" + "\n".join(outputs))
            time.sleep(0.1)

    def end(self) -> None:
        """Go through being queued again without its delay, and wait for the end."""
        self.wait_until(lambda: self.state() == "PENDING", "queued again")
        assert self.log().count("stopped when asked to") == 1
        subprocess.run(["scontrol", "update", f"JobId={self.job}", "StartTime=now"], check=True)
        self.wait_until(lambda: self.state() == "COMPLETED", "completed")
        assert self.log().count("Loaded checkpoint") == 1


def lengthened(prepared: Path, folder: Path) -> tuple[object, ...]:
    """A copy of the prepared data whose training takes longer than Slurm's answers."""
    where = copy(prepared, folder)
    text = where[0].read_text()
    where[0].write_text(text.replace(f"max-update = {UPDATES}\n", f"max-update = {LONG}\n"))
    return where


@pytest.fixture(scope="module")
def long_undisturbed(batches_prepared, tmp_path_factory) -> dict:
    """The checkpoint of the same in one process, that nothing happened to."""
    where = lengthened(batches_prepared, tmp_path_factory.mktemp("undisturbed"))
    run("fairseq-sharing", "train", *where)
    return checkpoint(where)


@pytest.mark.slow
@pytest.mark.skipif(not CLUSTER, reason="no Slurm here")
def test_a_job_that_is_signalled_is_queued_again_and_ends_the_same(
    batches_prepared, long_undisturbed, tmp_path
):
    training = Training(batches_prepared, tmp_path)
    try:
        training.wait_until(lambda: "num_updates" in training.log(), "training")
        subprocess.run(["scancel", "--signal=USR1", training.job], check=True)
        training.end()
    finally:
        subprocess.run(["scancel", training.job])
    assert same(checkpoint(training.where), long_undisturbed, LONG)


@pytest.mark.slow
@pytest.mark.skipif(not PREEMPTS, reason="no partition here preempts another")
def test_a_preempted_job_is_queued_again_and_ends_the_same(
    batches_prepared, long_undisturbed, tmp_path
):
    training = Training(batches_prepared, tmp_path, "--partition", TIERS[0][1])
    urgent = ["sbatch", "--wait", "--exclusive", "--output=/dev/null", "--wrap=true"]
    try:
        training.wait_until(lambda: "num_updates" in training.log(), "training")
        subprocess.run([*urgent, f"--partition={TIERS[-1][1]}"], check=True, timeout=240)
        training.end()
    finally:
        subprocess.run(["scancel", training.job])
    assert same(checkpoint(training.where), long_undisturbed, LONG)


@pytest.mark.slow
@pytest.mark.skipif(not CLUSTER, reason="no Slurm here")
def test_a_job_that_sbatch_refuses_leaves_nothing(batches_prepared, tmp_path):
    where = copy(batches_prepared, tmp_path)
    options = ("--slurm", "--devices", 2, "--partition", "no_such_partition")
    refused = run("fairseq-sharing", "train", *where, *options, check=False)
    assert refused.returncode == 2
    assert re.fullmatch(
        "update-freq 1: .*\nfairseq-sharing: error: sbatch refuses the job for vanilla: "
        "invalid partition specified: no_such_partition\n",
        refused.stdout,
    )
    assert not list((tmp_path / "tiny" / "vanilla" / "slurm").iterdir())
