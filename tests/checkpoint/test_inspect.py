"""What inspect says, of files whose content is known."""

import json

import pytest
from shipping import SHARED, train
from support import sharing_options

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.inspect import inspect
from fairseq_sharing.errors import SharingError
from fairseq_sharing.model.strategies import layer_map


def test_a_trained_model_is_described(trained, tool):
    status, printed, _ = tool("inspect", trained.last, "--json")
    facts = json.loads(printed)
    assert status == 0
    assert facts["sides"]["encoder"] == {
        "layer_map": [0, 1, 1, 0],
        "maps": {"layer": [0, 1, 1, 0]},
        "layers": 4,
        "unique_layers": 2,
        "running_layers": 4,
    }
    assert facts["updates"] == 150
    assert facts["architecture"] == "shared_transformer_tiny"
    assert facts["precision"] == ["float32"]
    spent = facts["bytes"]
    assert spent["file"] == trained.last.stat().st_size
    assert 4 * facts["parameters"] <= spent["model"] <= 4 * facts["parameters"] + 100
    assert spent["optimizer"] == pytest.approx(2 * spent["model"], rel=0.01)
    assert sum(spent.values()) == 2 * spent["file"]


def test_the_drawing_for_people_has_the_same_facts(trained, tool):
    _, printed, _ = tool("inspect", trained.last)
    assert "0,1,1,0 (4 layers, 2 unique)" in printed
    assert "150" in printed


def test_parameters_are_counted_once_and_as_if_unshared(save):
    plain = inspect(Checkpoint.read(save("plain.pt", arch="transformer")))
    shared = inspect(Checkpoint.read(save("shared.pt", **sharing_options("cycle", 2))))
    assert plain["parameters"] == plain["parameters_unshared"] == shared["parameters_unshared"]
    assert shared["parameters"] < plain["parameters"]
    assert plain["sides"]["decoder"]["layer_map"] == list(layer_map("none", 4))


def test_a_file_that_does_not_fit_its_options_is_refused(save):
    checkpoint = Checkpoint.read(save())
    del checkpoint.state["encoder.embed_tokens.weight"]
    with pytest.raises(SharingError, match=r"holds no encoder\.embed_tokens\.weight"):
        inspect(checkpoint)
    del checkpoint.content["cfg"]
    with pytest.raises(SharingError, match="does not say what model it holds"):
        inspect(checkpoint)


def test_models_of_other_architectures_are_named(save):
    checkpoint = Checkpoint.read(save(arch="transformer_tiny"))
    checkpoint.content["cfg"]["model"]._name = "lstm"
    with pytest.raises(SharingError, match="is of architecture lstm"):
        inspect(checkpoint)


@pytest.mark.slow
def test_moving_averages_and_optimizer_state_hold_each_parameter_once(trained, tmp_path):
    options = ("--store-ema", "--ema-fp32", *SHARED)
    train(trained, tmp_path, *options, updates=3)
    facts = inspect(Checkpoint.read(tmp_path / "checkpoint_last.pt"))
    once = 4 * facts["parameters"]
    assert facts["bytes"]["model"] == pytest.approx(once, rel=0.01)
    assert facts["bytes"]["optimizer"] == pytest.approx(2 * once, rel=0.01)
    assert facts["bytes"]["ema"] <= 2.02 * once
