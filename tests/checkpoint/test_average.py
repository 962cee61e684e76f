"""Averages against arithmetic, and the mixtures that are refused."""

import pytest
import torch
from shipping import decode
from support import sharing_options

from fairseq_sharing.checkpoint.average import average, last_checkpoints
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.precision import DTYPES
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

CYCLE = sharing_options("cycle", 2)


@pytest.fixture
def three(save):
    return [save(f"{seed}.pt", seed=seed, **CYCLE) for seed in (1, 2, 3)]


def test_the_mean_is_exact_to_the_last_bit_of_float32(three):
    states = [Checkpoint.read(path).state for path in three]
    for name, mean in average(three)["model"].items():
        exact = sum(state[name].double() for state in states) / 3
        assert torch.equal(mean, exact.float())


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_the_mean_of_half_precision_is_as_exact(three, dtype):
    for path in three:
        torch.save(strip(Checkpoint.read(path), dtype), path)
    states = [Checkpoint.read(path).state for path in three]
    assert states[0]["encoder.layers.0.fc1.weight"].dtype == DTYPES[dtype]
    for name, mean in average(three)["model"].items():
        exact = sum(state[name].double() for state in states) / 3
        assert torch.equal(mean, exact.float())


def test_the_rest_is_of_the_last_one_without_optimizer_and_scores(three):
    content = average([three[2], three[0]])
    assert content["optimizer_history"][-1]["num_updates"] == 30
    assert content["extra_state"] == {"train_iterator": {"epoch": 3}}
    assert "last_optimizer_state" not in content


def test_averaging_shared_models_is_averaging_unshared_copies(three, tmp_path):
    copies = []
    for path in three:
        torch.save(unroll(Checkpoint.read(path)), tmp_path / f"plain {path.name}")
        copies.append(tmp_path / f"plain {path.name}")
    expected = average(copies)["model"]
    torch.save(average(three), tmp_path / "averaged.pt")
    got = unroll(Checkpoint.read(tmp_path / "averaged.pt"))["model"]
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (sharing_options("cycle_rev", 2), "encoder.layer_map is 0,1,0,1 in the first, 0,1,1,0"),
        (CYCLE | {"encoder_ffn_embed_dim": 48}, "encoder_ffn_embed_dim is 32 in the first, 48"),
        (CYCLE | {"encoder_normalize_before": True}, "encoder_normalize_before is False"),
        (CYCLE | {"decoder_attention_heads": 4}, "decoder_attention_heads is 2"),
        ({"arch": "transformer"}, "encoder.layer_map is 0,1,0,1 in the first, missing in"),
    ],
    ids=lambda value: None,
)
def test_mixtures_are_refused_with_what_differs(save, options, difference):
    paths = [save("a.pt", **CYCLE), save("b.pt", **options)]
    with pytest.raises(SharingError, match=difference):
        average(paths)


def test_the_newest_are_found_by_number(tmp_path):
    for name in ("checkpoint2.pt", "checkpoint10.pt", "checkpoint9.pt", "checkpoint_best.pt"):
        (tmp_path / name).touch()
    for name in ("checkpoint_1_500.pt", "checkpoint_2_1000.pt"):
        (tmp_path / name).touch()
    names = [path.name for path in last_checkpoints(tmp_path, "epochs", 2)]
    assert names == ["checkpoint10.pt", "checkpoint9.pt"]
    names = [path.name for path in last_checkpoints(tmp_path, "updates", 1)]
    assert names == ["checkpoint_2_1000.pt"]
    with pytest.raises(SharingError, match=r"--last-epochs 4: .* has 3 checkpoints"):
        last_checkpoints(tmp_path, "epochs", 4)
    with pytest.raises(SharingError, match="--last-updates 0: must be at least 1"):
        last_checkpoints(tmp_path, "updates", 0)


def test_the_average_of_a_training_decodes(trained, tool, tmp_path):
    output = tmp_path / "averaged.pt"
    arguments = (trained.checkpoints, "--last-updates", 3, "--output", output)
    status, printed, _ = tool("average", *arguments)
    assert status == 0
    assert "_141.pt" in printed
    assert len(decode(trained, output)) == 40
    status, _, error = tool("average", *arguments)
    assert (status, error.count("\n")) == (2, 1)


def test_contradicting_arguments_are_refused(trained, tool, tmp_path):
    both = ("--last-updates", 1, "--last-epochs", 1, "--output", tmp_path / "out.pt")
    status, _, error = tool("average", trained.checkpoints, *both)
    assert (status, error.startswith("fairseq-sharing: error: give one folder")) == (2, True)


def test_a_folder_alone_is_refused_with_what_to_add(trained, tool, tmp_path):
    status, _, error = tool("average", trained.checkpoints, "--output", tmp_path / "out.pt")
    assert status == 2
    assert "checkpoints is a folder; give --last-epochs N or --last-updates N" in error
