"""Residual vectors folded into weights: the same function, up to rounding."""

import pytest
import torch
from fairseq.models.transformer import TransformerModel
from shipping import SHARED, decode, train
from support import batch, sharing_options, tiny_args, tiny_model, toy_task

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

ADMIN = {"residual_scaling": "admin"} | sharing_options("cycle_rev", 2)
VARIANTS = {
    "embeddings shared": {},
    "embeddings apart": {"share_all_embeddings": False},
    "embedding norms": {"layernorm_embedding": True},
    "learned positions": {"encoder_learned_pos": True, "decoder_learned_pos": True},
    "no positions": {"no_token_positional_embeddings": True},
    "uneven sides": {"encoder_layers": 6, "decoder_layers": 3},
}


@pytest.fixture
def saved(tmp_path):
    """Saves a model whose residual vectors were profiled, then trained away from their start."""

    def save(**options):
        model = tiny_model(**ADMIN | options)
        model.train()(**batch())
        draw = torch.Generator().manual_seed(7)
        for name, parameter in model.named_parameters():
            if "layer_norm" in name or name.endswith("bias"):
                parameter.data += 0.4 * torch.rand(parameter.shape, generator=draw) - 0.2
        args = tiny_args(**ADMIN | options)
        args._name = args.arch
        content = {"cfg": {"model": args, "common": {}}, "model": model.state_dict()}
        torch.save(content, tmp_path / "admin.pt")
        return model.eval(), Checkpoint.read(tmp_path / "admin.pt")

    return save


@pytest.mark.parametrize("variant", VARIANTS)
def test_folded_logits_are_those_of_the_model_with_vectors(saved, variant):
    model, checkpoint = saved(**VARIANTS[variant])
    assert any(norm.residual_start > 1 for norm in model.residual_profile.norms["decoder"])
    content = unroll(checkpoint)
    options = content["cfg"]["model"]
    plain = TransformerModel.build_model(tiny_args("transformer", **options), toy_task())
    plain.load_state_dict(content["model"])
    assert not any("residual" in name for name in [*content["model"], *options])
    torch.testing.assert_close(
        plain.eval()(**batch())[0], model(**batch())[0], atol=2e-6, rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_folding_adds_no_rounding_to_half_precision(saved, dtype):
    model, checkpoint = saved()
    for name, tensor in checkpoint.state.items():
        if not name.endswith((".layer_map", ".residual_start")):
            checkpoint.state[name] = tensor.to(dtype)
    model.load_state_dict(checkpoint.state)
    content = unroll(checkpoint)
    plain = TransformerModel.build_model(
        tiny_args("transformer", **content["cfg"]["model"]), toy_task()
    )
    plain.load_state_dict(content["model"])
    torch.testing.assert_close(
        plain.eval()(**batch())[0], model.eval()(**batch())[0], atol=2e-6, rtol=1e-5
    )


def test_vectors_too_close_to_zero_are_refused(saved):
    _, checkpoint = saved()
    checkpoint.state["encoder.layers.2.final_layer_norm.residual_delta"][3] = -checkpoint.state[
        "encoder.residual_start"
    ][5]
    with pytest.raises(SharingError, match=r"encoder\.layers\.2\.final_layer_norm.* of 0"):
        unroll(checkpoint)


def test_options_that_it_does_not_hold_for_are_named(saved):
    _, checkpoint = saved()
    checkpoint.content["cfg"]["model"].adaptive_input = True
    with pytest.raises(SharingError, match="--adaptive-input"):
        unroll(checkpoint)


@pytest.mark.slow
def test_stock_fairseq_decodes_a_trained_one_without_the_plugin(trained, tool, tmp_path):
    options = ("--residual-scaling", "admin", "--max-update", 300, "--lr", 0.005)
    train(trained, tmp_path / "admin", *SHARED, *options)
    checkpoint, output = tmp_path / "admin" / "checkpoint_last.pt", tmp_path / "plain.pt"
    assert tool("unroll", checkpoint, "--output", output)[0] == 0
    expected = [line.split("\t")[1] for line in decode(trained, checkpoint)]
    got = [line.split("\t")[1] for line in decode(trained, output, plugin=False)]
    assert len(set(expected)) > 20
    assert got == expected
