"""Inference-only checkpoints: what they weigh and that they are the same model."""

import pytest
import torch
from shipping import decode
from support import tiny_model

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.files import read_checkpoint
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.model.tying import count_parameters

DEPTHS = [
    {"encoder_layers": depth, "decoder_layers": depth, "sharing_strategy": "cycle_rev"}
    | {"encoder_unique_layers": 2, "decoder_unique_layers": 2}
    for depth in (2, 4, 6)
]
LARGER = {"encoder_embed_dim": 192, "encoder_ffn_embed_dim": 768}


@pytest.mark.parametrize("options", DEPTHS, ids=lambda options: f"N={options['encoder_layers']}")
def test_an_inference_checkpoint_is_as_large_as_its_unique_parameters(save, tool, options):
    source = save(**options, **LARGER)
    output = source.with_name("stripped.pt")
    assert tool("strip", source, "--output", output)[0] == 0
    parameters = count_parameters(tiny_model(**options, **LARGER))
    assert output.stat().st_size <= 1.02 * 4 * parameters


def test_embeddings_of_a_plain_model_are_stored_once(save, tool):
    source = save(arch="transformer", **LARGER)
    output = source.with_name("stripped.pt")
    tool("strip", source, "--output", output)
    parameters = count_parameters(tiny_model(arch="transformer", **LARGER))
    assert output.stat().st_size <= 1.02 * 4 * parameters


def test_weights_stay_and_training_state_goes(save):
    path = save(**DEPTHS[1])
    before, after = read_checkpoint(path), strip(Checkpoint.read(path))
    assert "last_optimizer_state" not in after
    assert after["extra_state"] == before["extra_state"]
    assert list(after["model"]) == list(before["model"])
    assert all(torch.equal(after["model"][name], t) for name, t in before["model"].items())


@pytest.mark.parametrize(("dtype", "expected"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_weights_are_cast_and_maps_are_not(save, dtype, expected):
    state = strip(Checkpoint.read(save(**DEPTHS[1])), dtype)["model"]
    assert state["encoder.layer_map"].dtype == torch.float32
    assert {t.dtype for name, t in state.items() if ".layers." in name} == {expected}


def test_a_stripped_model_decodes_the_same(trained, tool, tmp_path):
    output = tmp_path / "model.pt"
    assert tool("strip", trained.last, "--output", output)[0] == 0
    assert decode(trained, output) == decode(trained, trained.last)
