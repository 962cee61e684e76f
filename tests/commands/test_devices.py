"""How a batch is shared by devices, and what starts them, for machines that are only described."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices, precision_for, these_devices, update_freq
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.training.command import batch_statement, training_command

PAPER = 458752  # 3,584 tokens x update-freq 32 x 4 GPUs
MOST = st.integers(1, 10_000)
RUNS = Path("/runs")


@given(MOST, MOST, st.integers(1, 512))
def test_the_batch_is_kept_on_any_devices_that_divide_it(parts, max_tokens, devices):
    batch = parts * devices * max_tokens
    assert update_freq(batch, max_tokens, devices) * devices * max_tokens == batch


@given(MOST, MOST, st.integers(1, 512))
def test_no_other_batch_is_given(batch, max_tokens, devices):
    if batch % (max_tokens * devices):
        with pytest.raises(SharingError, match=r"train on one of these|no number of devices"):
            update_freq(batch, max_tokens, devices)
    else:
        assert update_freq(batch, max_tokens, devices) * devices * max_tokens == batch


def test_devices_that_would_work_are_named():
    with pytest.raises(SharingError, match=r"3 devices .* in all: 1, 2, 4, 8, 16, 32, 64, 128$"):
        update_freq(PAPER, 3584, 3)
    with pytest.raises(SharingError, match=r"458752 is no multiple of max-tokens = 4000"):
        update_freq(PAPER, 4000, 1)


def described(tiny, **options):
    """A run of an experiment with the paper's batch."""
    train = {**tiny.train, "max-tokens": 3584, **options}
    return runs_of(dataclasses.replace(tiny, batch_tokens=PAPER, train=train), RUNS)[0]


@pytest.mark.parametrize(("gpus", "parts"), [(1, 128), (4, 32), (8, 16)])
def test_gpus_of_one_machine(tiny, gpus, parts):
    devices = Devices("gpu", gpus)
    plain = training_command(described(tiny), RUNS, devices, "bf16")
    text = " ".join(plain)
    assert f"--update-freq {parts} " in text + " "
    assert f"--distributed-world-size {gpus} " in text
    assert "--bf16" in plain
    assert "--cpu" not in plain
    started = devices.command(plain)
    if gpus == 1:
        assert started == plain
    else:
        begin = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)]
        assert started[1:] == [*begin, *plain]


def test_gpus_of_two_machines(tiny):
    first, second = (Devices("gpu", 8, 2, rank, "node0", 29500) for rank in (0, 1))
    plain = training_command(described(tiny), RUNS, first, "fp16")
    assert {"--fp16", "--distributed-world-size", "--update-freq"} < set(plain)
    assert plain[plain.index("--update-freq") + 1] == "8"
    meeting = ["--nnodes", "2", "--node-rank", "1", "--rdzv-endpoint", "node0:29500"]
    assert second.command(plain)[3 : -len(plain)] == [*meeting, "--nproc-per-node", "8"]
    assert batch_statement(described(tiny), first) == (
        "update-freq 8: 3,584 tokens x 16 GPUs x 8 = 458,752"
    )


def test_a_system_can_take_less_at_a_time(tiny):
    assert batch_statement(described(tiny, **{"max-tokens": 1792}), Devices("gpu", 4)) == (
        "update-freq 64: 1,792 tokens x 4 GPUs x 64 = 458,752"
    )


def test_processes_that_were_started_are_the_devices(tiny, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(SharingError, match=r"WORLD_SIZE=4 is set without MASTER_ADDR, MASTER_PORT"):
        these_devices()
    variables = {"LOCAL_WORLD_SIZE": 2, "RANK": 3, "MASTER_ADDR": "node0", "MASTER_PORT": 29500}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    found = these_devices()
    assert (found.count, found.nodes, found.rank, found.started) == (4, 2, 3, True)
    assert found.command(["fairseq-train"]) == ["fairseq-train"]
    assert [found.environment(n)["MASTER_PORT"] for n in (0, 1)] == ["29501", "29502"]
    with pytest.raises(SharingError, match=r"WORLD_SIZE=4.*leave out --devices"):
        these_devices(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 2, 2, "a:1"), "--node-rank 2: with --nodes 2 it must be 0 to 1"),
        ((1, 2, 0, None), "--nodes 2 needs --rdzv-endpoint HOST:PORT, .*; none is given"),
        ((1, 2, 0, "node0"), "can be reached; it is 'node0'"),
        ((1, 2, 0, "node0:65536"), "can be reached; it is 'node0:65536'"),
        ((1, 1, 0, "node0:1"), "--rdzv-endpoint node0:1 is for several machines: give --nodes"),
    ],
)
def test_nodes_that_cannot_meet(arguments, message):
    with pytest.raises(SharingError, match=message):
        these_devices(*arguments)


def test_what_the_pipeline_sets_cannot_be_set(tiny):
    with pytest.raises(SharingError, match="'update-freq' is set by the pipeline"):
        training_command(described(tiny, **{"update-freq": 2}), RUNS, Devices("gpu", 4))


def test_precision_is_what_the_devices_can(tiny):
    assert precision_for("auto", Devices("cpu", 2)) == "fp32"
    with pytest.raises(SharingError, match="--precision bf16: there is no GPU"):
        precision_for("bf16", Devices("cpu"))
    run = described(tiny, fp16=True)
    with pytest.raises(SharingError, match="'fp16 = true' needs a GPU"):
        training_command(run, RUNS, Devices("cpu"))
    with pytest.raises(SharingError, match=r"--precision fp32: .* 'fp16 = true'; leave out one"):
        training_command(run, RUNS, Devices("gpu"), "fp32")
    assert training_command(run, RUNS, Devices("gpu")).count("--fp16") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("WORLD_SIZE", ""), ("WORLD_SIZE", "two"), ("LOCAL_WORLD_SIZE", "0")]
)
def test_a_launcher_whose_numbers_are_none(monkeypatch, name, value):
    place = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_PORT": "1"}
    for variable, text in {**place, "MASTER_ADDR": "a", name: value}.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(SharingError, match=f"{name}='{value}' must be a whole number, at least 1"):
        these_devices()
