"""Shared models made of unshared ones."""

import pytest
import torch
from fairseq import checkpoint_utils
from shipping import PRE_NORM, SHARED, decode, train
from support import batch, sharing_options, tiny_model

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.share import share
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

CYCLE = sharing_options("cycle", 2)
FC1 = "encoder.layers.{}.fc1.weight"


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("first", lambda old: old[FC1.format(1)]),
        ("last", lambda old: old[FC1.format(3)]),
        ("mean", lambda old: (old[FC1.format(1)] + old[FC1.format(3)]) / 2),
    ],
)
def test_parameters_come_from_the_layers_that_share_them(save, init, expected):
    checkpoint = Checkpoint.read(save(arch="transformer"))
    content, _ = share(checkpoint, init, **CYCLE)
    torch.testing.assert_close(content["model"][FC1.format(1)], expected(checkpoint.state))
    assert FC1.format(3) not in content["model"]
    model = tiny_model(**CYCLE)
    model.load_state_dict(content["model"])
    assert model(**batch())[0].isfinite().all()


def test_sharing_what_was_unrolled_gives_the_same_model_back(save, tmp_path):
    path = save(**CYCLE)
    torch.save(unroll(Checkpoint.read(path)), tmp_path / "plain.pt")
    content, distances = share(Checkpoint.read(tmp_path / "plain.pt"), "mean", **CYCLE)
    original = Checkpoint.read(path).state
    assert content["model"].keys() == original.keys()
    assert all(torch.equal(content["model"][name], t) for name, t in original.items())
    assert [distance.relative for distance in distances] == [0.0] * 8


def test_a_mean_of_half_precision_is_in_float32(save):
    checkpoint = Checkpoint.read(save(arch="transformer"))
    checkpoint.state.update({name: t.half() for name, t in checkpoint.state.items()})
    content, _ = share(checkpoint, "mean", **CYCLE)
    one, other = (checkpoint.state[FC1.format(layer)].double() for layer in (1, 3))
    assert torch.equal(content["model"][FC1.format(1)], ((one + other) / 2).float())


@pytest.mark.parametrize("form", ["args", "cfg"])
def test_a_file_whose_optimizer_history_is_empty_is_taken(save, tmp_path, form):
    path = save(arch="transformer")
    content = torch.load(path, weights_only=True) | {"optimizer_history": []}
    content["cfg"]["task"] = {}
    if form == "args":
        content |= {"args": content["cfg"]["model"], "cfg": None}
    torch.save(content, path)
    shared, _ = share(Checkpoint.read(path), "mean", **CYCLE)
    torch.save(shared, tmp_path / "shared.pt")
    assert "model" in checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "shared.pt"))


def test_distances_are_relative_to_what_a_layer_was(save):
    checkpoint = Checkpoint.read(save(arch="transformer"))
    for name, tensor in checkpoint.state.items():
        if name.startswith("encoder.layers."):
            tensor.fill_(3.0 if ".layers.2." in name else 1.0)
    _, distances = share(checkpoint, "first", encoder_layer_map="0,1,1,2")
    assert [(d.side, d.layer, d.unique) for d in distances] == [
        ("encoder", 1, 1),
        ("encoder", 2, 1),
    ]
    assert [d.relative for d in distances] == pytest.approx([0, 2 / 3])


def test_options_that_make_no_map_are_refused(save, tool, tmp_path):
    source, output = save(arch="transformer"), tmp_path / "out.pt"
    with pytest.raises(SharingError, match="--encoder-unique-layers"):
        share(Checkpoint.read(source), "mean", sharing_strategy="cycle")
    status, _, error = tool("share", source, "--output", output)
    assert (status, error.strip()) == (
        2,
        "fairseq-sharing: error: nothing to share: give --sharing-strategy, or a layer map of a "
        "side",
    )
    assert not output.exists()


@pytest.mark.slow
def test_training_goes_on_from_it(trained, tool, tmp_path):
    plain, shared = tmp_path / "plain.pt", tmp_path / "shared.pt"
    tool("unroll", trained.last, "--output", plain)
    maps = ("--encoder-layer-map", "0,1,1,0", "--decoder-layer-map", "0,1,1,0")
    status, printed, _ = tool("share", plain, *maps, "--output", shared)
    assert status == 0
    assert "0.0%" in printed
    assert decode(trained, shared) == decode(trained, trained.last)
    options = ("--finetune-from-model", shared, "--lr", 0.0001)
    printed = train(trained, tmp_path / "tuned", *SHARED, *PRE_NORM, *options, updates=10)
    first = next(line for line in printed.splitlines() if "train_inner" in line)
    assert float(first.split("loss=")[1].split(",")[0]) < 2.5
