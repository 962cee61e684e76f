"""What the tools make of a checkpoint from before its stacks have grown, and after."""

import json

import pytest
import torch
from fairseq.models.transformer import TransformerModel
from growing import MAPS, SIX
from support import batch, tiny_args, tiny_model, toy_task

from fairseq_sharing.checkpoint.average import average
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.depth import at_trained_depth, depths
from fairseq_sharing.checkpoint.share import share
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

SEQUENCE = {**SIX, **MAPS["sequence"]}
GROWING = {**SEQUENCE, "grow_depth_at": "15,25"}
RUNNING = "encoder.running_layers"
DEPTHS = {1: 3, 2: 4, 3: 6}
"""By the seed, of which the checkpoint has ten times as many updates."""


def logits(content, **options):
    """What a model of these options answers with the weights of a checkpoint."""
    model = tiny_model(**options)
    model.load_state_dict(content["model"])
    return model.eval()(**batch())[0]


@pytest.mark.parametrize("seed", DEPTHS)
def test_inspect_says_how_many_layers_run(save, tool, seed):
    path = save(seed=seed, **GROWING)
    facts = json.loads(tool("inspect", path, "--json")[1])["sides"]["decoder"]
    assert (facts["layers"], facts["unique_layers"]) == (6, 3)
    assert facts["running_layers"] == DEPTHS[seed]
    running = f", {DEPTHS[seed]} running" if seed < 3 else ""
    assert f"0,0,1,1,2,2 (6 layers, 3 unique{running})" in tool("inspect", path)[1]


@pytest.mark.parametrize(
    ("sharing", "seed"), [*((name, 2) for name in MAPS), ("sequence", 1), ("sequence", 3)]
)
def test_unrolled_it_is_the_plain_model_of_that_depth(save, sharing, seed):
    options = {**SIX, **MAPS[sharing], "grow_depth_at": "15,25"}
    path = save(seed=seed, **options)
    reached = depths(Checkpoint.read(path))
    plain = {f"{side}_layers": depth for side, depth in reached.items()}
    content = unroll(Checkpoint.read(path))
    assert content["cfg"]["model"]["encoder_layers"] == reached["encoder"]
    assert not [name for name in content["cfg"]["model"] if "grow" in name]
    model = TransformerModel.build_model(tiny_args("transformer", **plain), toy_task())
    model.load_state_dict(content["model"])
    expected = logits(Checkpoint.read(path).content, **options)
    torch.testing.assert_close(model.eval()(**batch())[0], expected, atol=1e-6, rtol=0)


def test_an_average_across_a_step_is_refused_naming_both_depths(save, tool, tmp_path):
    paths = [save(f"{seed}.pt", seed=seed, **GROWING) for seed in (1, 2)]
    with pytest.raises(SharingError, match="encoder depth is 3 in the first, 4 in the second"):
        average(paths)
    status, _, error = tool("average", *paths, "--output", tmp_path / "out.pt")
    assert (status, error.count("\n")) == (2, 1)
    assert not (tmp_path / "out.pt").exists()


@pytest.mark.parametrize("schedule", ["5", "500"])
def test_an_average_of_equals_keeps_their_depth(save, tmp_path, schedule):
    options = {**SEQUENCE, "grow_depth_at": schedule}
    paths = [save(f"{seed}.pt", seed=seed, **options) for seed in (1, 2, 3)]
    content = average(paths)
    expected = [1.0] * 6 if schedule == "5" else [1.0, 0, 1, 0, 1, 0]
    assert content["model"][RUNNING].tolist() == expected
    torch.save(content, tmp_path / "averaged.pt")
    checkpoint = Checkpoint.read(tmp_path / "averaged.pt")
    assert set(depths(checkpoint).values()) == {sum(expected)}
    assert logits(checkpoint.content, **options).isfinite().all()


def test_schedules_of_one_depth_can_be_averaged(save):
    """What differs is training only."""
    paths = [save(f"{at}.pt", **{**SEQUENCE, "grow_depth_at": at}) for at in ("50", "60,70")]
    assert average(paths)["model"][RUNNING].tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("dtype", [None, "fp16", "bf16"])
def test_stripped_it_runs_the_same_layers(save, dtype):
    content = strip(Checkpoint.read(save(**GROWING)), dtype)
    assert content["model"][RUNNING].dtype == torch.float32
    assert content["model"][RUNNING].tolist() == [1, 0, 1, 0, 1, 0]


def test_sharing_begins_from_the_layers_that_run(save):
    checkpoint = Checkpoint.read(save(**GROWING))
    sharing = {"encoder_layer_map": "0,1,1", "decoder_layer_map": "0,1,0"}
    content, _ = share(checkpoint, "first", **sharing)
    shared = Checkpoint(checkpoint.path, content)
    maps = shared.skeleton().maps
    assert [maps[side].parts["layer"] for side in maps] == [(0, 1, 1), (0, 1, 0)]
    assert RUNNING not in content["model"]
    for position, stacked in ((0, 0), (1, 2)):
        ours = content["model"][f"encoder.layers.{position}.fc1.weight"]
        assert torch.equal(ours, checkpoint.state[f"encoder.layers.{stacked}.fc1.weight"])


def test_a_checkpoint_of_full_depth_is_itself(save):
    for options in (SEQUENCE, {**SEQUENCE, "grow_depth_at": "5"}, {"arch": "transformer"}):
        checkpoint = Checkpoint.read(save(**options))
        assert at_trained_depth(checkpoint) is checkpoint


@pytest.mark.parametrize("tool_name", ["inspect", "unroll", "average"])
def test_a_damaged_entry_is_one_line(save, tool, tmp_path, tool_name):
    path = save(**GROWING)
    content = torch.load(path)
    content["model"][RUNNING] = torch.tensor([0.0, 1, 0, 0, 1, 1])
    torch.save(content, path)
    inputs = {"inspect": [path], "unroll": [path], "average": [path, path]}[tool_name]
    output = [] if tool_name == "inspect" else ["--output", tmp_path / "out.pt"]
    status, _, error = tool(tool_name, *inputs, *output)
    assert (status, error.count("\n")) == (2, 1)
    assert "encoder runs layers (1, 4, 5) of 6" in error
