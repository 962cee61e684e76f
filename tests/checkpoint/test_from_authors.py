"""Checkpoints in the released implementation's layout, against the numbers it gave."""

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from fairseq.models import ARCH_MODEL_REGISTRY
from support import DATA, toy_task

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.from_authors import from_authors
from fairseq_sharing.errors import SharingError

ARGS = {
    "arch": "transformer",
    "task": "translation",
    "data": "data-bin/wmt16",
    "criterion": "label_smoothed_cross_entropy",
    "optimizer": "adam",
    "adam_betas": "(0.9, 0.98)",
    "lr_scheduler": "inverse_sqrt",
    "lr": [0.001],
    "min_lr": 1e-9,
    "max_tokens": 3584,
    "encoder_layers": 6,
    "decoder_layers": 6,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "share_all_embeddings": True,
    "share_params_cross_layer": True,
    "share_type": "cycle_rev",
    "share_layer_num": 2,
}


@pytest.fixture
def released(tmp_path):
    """Saves a file in the layout of the release (PyTorch 1.4); returns its path and numbers."""

    def save(name="cycle_rev_N6_M3", change=None):
        numbers = dict(np.load(DATA / f"reference_{name}.npz"))
        state = {
            key.removeprefix("param/"): torch.from_numpy(value)
            for key, value in numbers.items()
            if key.startswith("param/")
        }
        for alias, stored in json.loads(str(numbers["alias_json"])).items():
            state[alias] = state[stored].clone()
        for side in ("encoder", "decoder"):
            state[f"{side}.embed_positions._float_tensor"] = torch.zeros(1)
        if change:
            change(state)
        history = [{"optimizer_name": "FairseqAdam", "lr_scheduler_state": {}, "num_updates": 9}]
        content = {
            "args": Namespace(**ARGS),
            "model": state,
            "optimizer_history": history,
            "extra_state": {"train_iterator": {"epoch": 3}, "val_loss": 4.0},
            "last_optimizer_state": {},
        }
        path = tmp_path / "released.pt"
        torch.save(content, path, _use_new_zipfile_serialization=False)
        return path, numbers

    return save


def logits(content, numbers):
    """What this plugin's model gives for the release's batch with the converted checkpoint."""
    args = Namespace(**content["cfg"]["model"])
    model = ARCH_MODEL_REGISTRY[args._name].build_model(args, toy_task())
    model.load_state_dict(content["model"])
    names = ("src_tokens", "src_lengths", "prev_output_tokens")
    batch = {name: torch.from_numpy(numbers[f"batch/{name}"]) for name in names}
    return model.eval()(**batch)[0].detach().numpy()


@pytest.mark.parametrize(
    ("name", "encoder_map"), [("cycle_rev_N6_M3", "0,1,2,2,1,0"), ("none", "0,1,2,3,4,5")]
)
def test_a_converted_model_gives_the_numbers_of_the_release(released, tool, name, encoder_map):
    path, numbers = released(name)
    output = path.with_name("ours.pt")
    assert tool("from-authors", path, "--output", output)[0] == 0
    content = Checkpoint.read(output).content
    assert content["cfg"]["model"]["encoder_layer_map"] == encoder_map
    assert content["optimizer_history"][-1]["num_updates"] == 9
    counted = numbers["batch/target"] != 1
    np.testing.assert_allclose(
        logits(content, numbers)[counted], numbers["logits_eval"][counted], atol=1e-5
    )


def tie_cross_attention_bias_to_self_attention(state):
    """As the release does when it copies a decoder layer."""
    for copy, source in ((3, 2), (4, 1), (5, 0)):
        bias = state[f"decoder.layers.{source}.self_attn.in_proj_bias"].clone()
        state[f"decoder.layers.{copy}.encoder_attn.in_proj_bias"] = bias + 0
    for layer in range(6):
        for attention in ("self_attn", "encoder_attn"):
            name = f"decoder.layers.{layer}.{attention}.in_proj_bias"
            state[name] = state[name] + (0.5 if attention == "self_attn" or layer > 2 else 0)


def test_a_bias_that_no_map_can_say_is_named(released):
    path, _ = released(change=tie_cross_attention_bias_to_self_attention)
    with pytest.raises(
        SharingError,
        match=r"decoder\.layers\.3 is a copy of decoder\.layers\.2 but for "
        r"encoder_attn\.[kvq]_proj\.bias, which is that layer's self_attn.*--unshared",
    ):
        from_authors(Checkpoint.read(path))


def test_it_becomes_an_unshared_model_instead(released):
    path, numbers = released(change=tie_cross_attention_bias_to_self_attention)
    content = from_authors(Checkpoint.read(path), unshared=True)
    assert content["cfg"]["model"]["sharing_strategy"] == "none"
    assert np.isfinite(logits(content, numbers)).all()
    one, two = (content["model"][f"decoder.layers.{k}.encoder_attn.v_proj.bias"] for k in (0, 5))
    assert not torch.equal(one, two)


def test_entries_of_another_model_are_named(released):
    def add(state):
        state["encoder.layers.0.fc_ratio"] = torch.ones(32)

    path, _ = released(change=add)
    with pytest.raises(SharingError, match=r"encoder\.layers\.0\.fc_ratio is of shape \(32,\)"):
        from_authors(Checkpoint.read(path))
