"""fairseq's options of the model: equal to an unshared copy, or refused when the model is built."""

from types import SimpleNamespace

import pytest
import torch
from equality import Twins, build
from support import batch, dictionary, sharing_options
from verdicts import REFUSED, WORKS, verdict

from fairseq_sharing import SharingError

SHARED = sharing_options("cycle_rev")
ADMIN = {**SHARED, "residual_scaling": "admin"}
UNEQUAL_SIDES = {
    "encoder_layers": 5,
    "decoder_layers": 3,
    "encoder_unique_layers": 3,
    "decoder_unique_layers": 2,
}
IN_FULL = {
    "sharing_strategy": "none",
    "encoder_unique_layers": None,
    "decoder_unique_layers": None,
}
EQUAL = {
    "--layernorm-embedding": {"layernorm_embedding": True},
    "--encoder-learned-pos, --decoder-learned-pos": {
        "encoder_learned_pos": True,
        "decoder_learned_pos": True,
    },
    "--no-token-positional-embeddings": {"no_token_positional_embeddings": True},
    "--encoder-layers, --decoder-layers, --encoder-unique-layers, --decoder-unique-layers": (
        UNEQUAL_SIDES
    ),
    "--encoder-layer-map, --decoder-layer-map": {
        **IN_FULL,
        "encoder_layer_map": "0,1,2,1",
        "decoder_layer_map": "0,0,1,1",
    },
    "--share-sublayers": {"share_sublayers": "ffn"},
    "--encoder-self-attention-map, --encoder-ffn-map": {
        **IN_FULL,
        "encoder_self_attention_map": "0,1,2,1",
        "encoder_ffn_map": "0,0,0,0",
    },
    "--decoder-self-attention-map, --decoder-cross-attention-map, --decoder-ffn-map": {
        **IN_FULL,
        "decoder_self_attention_map": "0,1,2,1",
        "decoder_cross_attention_map": "0,0,1,1",
        "decoder_ffn_map": "0,0,0,0",
    },
    "--decoder-encoder-ffn-map": {
        **IN_FULL,
        "encoder_ffn_map": "0,1,1,0",
        "decoder_encoder_ffn_map": "1,0,0,0",
    },
    "--encoder-embed-dim, --decoder-embed-dim": {
        "share_all_embeddings": False,
        "encoder_embed_dim": 24,
        "decoder_embed_dim": 16,
    },
    "--decoder-input-dim": {"share_all_embeddings": False, "decoder_input_dim": 8},
    "--decoder-output-dim": {"share_all_embeddings": False, "decoder_output_dim": 8},
    "--share-decoder-input-output-embed": {
        "share_all_embeddings": False,
        "share_decoder_input_output_embed": True,
    },
    "--share-all-embeddings": {"share_all_embeddings": True},
    "--merge-src-tgt-embed": {"share_all_embeddings": False, "merge_src_tgt_embed": True},
    "--adaptive-softmax-cutoff": {
        "share_all_embeddings": False,
        "adaptive_softmax_cutoff": "10,20",
    },
    "--checkpoint-activations": {"checkpoint_activations": True},
    "--offload-activations": {"offload_activations": True},
    "--no-cross-attention": {"no_cross_attention": True},
    "--cross-self-attention": {"no_cross_attention": True, "cross_self_attention": True},
    "--attention-dropout, --activation-dropout": {
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
    },
    "--activation-fn": {"activation_fn": "gelu"},
    "--no-scale-embedding": {"no_scale_embedding": True},
}
EQUAL_WITHOUT_ADMIN = {
    "--encoder-normalize-before, --decoder-normalize-before": {
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
    },
    "--no-decoder-final-norm": {"decoder_normalize_before": True, "no_decoder_final_norm": True},
    "--encoder-layerdrop, --decoder-layerdrop": {
        "encoder_layerdrop": 0.5,
        "decoder_layerdrop": 0.5,
    },
}
OWN = {
    "--own norms": {"own": "norms"},
    "--own biases": {"own": "biases"},
    "--own scales": {"own": "scales"},
    "--own-rank": {"own_rank": 4},
}
WITHOUT_DROPOUT = {"--no-decoder-ffn": {"no_decoder_ffn": True}}
REFUSED_WITH_SHARING = {
    "--encoder-layers-to-keep": ({"encoder_layers_to_keep": "0,1"}, "breaks the layer map"),
    "--decoder-layers-to-keep": ({"decoder_layers_to_keep": "0,1"}, "breaks the layer map"),
    "--quant-noise-pq": ({"quant_noise_pq": 0.1}, "several uses before its gradient"),
    "--quant-noise-scalar": ({"quant_noise_scalar": 0.1}, "first of its positions"),
    "--base-layers": ({"base_layers": 1}, "the layer map does not know"),
    "--ddp-backend fully_sharded": ({"ddp_backend": "fully_sharded"}, "use pytorch_ddp"),
}
REFUSED_WITH_ADMIN = {
    "--residual-scaling admin with --encoder-normalize-before": (
        {"encoder_normalize_before": True},
        "sums that post-norm normalises",
    ),
    "--residual-scaling admin with --decoder-normalize-before": (
        {"decoder_normalize_before": True},
        "sums that post-norm normalises",
    ),
    "--residual-scaling admin with --encoder-layers-to-keep": (
        {"encoder_layers_to_keep": "0,1"},
        "the others below them",
    ),
    "--residual-scaling admin with --decoder-layers-to-keep": (
        {"decoder_layers_to_keep": "0,1"},
        "the others below them",
    ),
    "--residual-scaling admin with --encoder-layerdrop": (
        {"encoder_layerdrop": 0.1},
        "measures every layer",
    ),
    "--residual-scaling admin with --decoder-layerdrop": (
        {"decoder_layerdrop": 0.1},
        "measures every layer",
    ),
}


@pytest.mark.parametrize("option", verdict(WORKS, EQUAL))
@pytest.mark.parametrize("sharing", [SHARED, ADMIN], ids=["shared", "shared-admin"])
def test_equal_to_an_unshared_copy(sharing, option):
    _assert_equal(**{**sharing, **EQUAL[option]})


@pytest.mark.parametrize("option", verdict(WORKS, EQUAL_WITHOUT_ADMIN))
def test_equal_to_an_unshared_copy_without_admin(option):
    _assert_equal(**{**SHARED, **EQUAL_WITHOUT_ADMIN[option]})


@pytest.mark.parametrize("option", verdict(WORKS, WITHOUT_DROPOUT))
@pytest.mark.parametrize("sharing", [SHARED, ADMIN], ids=["shared", "shared-admin"])
def test_equal_to_an_unshared_copy_without_dropout(sharing, option):
    twins = Twins(**sharing, **WITHOUT_DROPOUT[option])
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("option", verdict(WORKS, OWN))
@pytest.mark.parametrize("sharing", [SHARED, ADMIN], ids=["shared", "shared-admin"])
def test_at_the_start_it_is_the_model_without(sharing, option):
    """What it is later, tests/model/test_own.py compares with a copy into which it is folded."""
    models = [build("shared_transformer", **sharing, **own) for own in (OWN[option], {})]
    outputs = [model(**batch())[0] for model in models]
    torch.testing.assert_close(*outputs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "option", verdict(REFUSED, ["--decoder-encoder-ffn-map with --decoder-ffn-embed-dim"])
)
def test_one_width_for_both_sides(option):
    across = {"decoder_encoder_ffn_map": "0,1,2,3", "decoder_ffn_embed_dim": 8}
    with pytest.raises(SharingError, match=r"--decoder-encoder-ffn-map.*--decoder-ffn-embed-dim 8"):
        build("shared_transformer", **across)


def _assert_equal(task=None, **options):
    twins = Twins(task, dropout=0.1, **options)
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("different", verdict(WORKS, ["different dictionaries"]))
def test_equal_with_different_dictionaries(different):
    source, target = dictionary(50), dictionary(36)
    task = SimpleNamespace(source_dictionary=source, target_dictionary=target)
    _assert_equal(task, **SHARED, share_all_embeddings=False)


@pytest.mark.parametrize("returned", verdict(WORKS, ["return_all_hiddens"]))
def test_hidden_states_are_those_of_the_copy(returned):
    ours, theirs = Twins(**ADMIN).outputs(training=False, return_all_hiddens=True)
    assert len(ours[1]["inner_states"]) == 5
    torch.testing.assert_close(ours[1]["inner_states"], theirs[1]["inner_states"])
    twins = Twins(**ADMIN)
    inputs = (batch()["src_tokens"], batch()["src_lengths"])
    states = [
        model.encoder(*inputs, return_all_hiddens=True)["encoder_states"]
        for model in (twins.shared, twins.plain)
    ]
    assert len(states[0]) == 5
    torch.testing.assert_close(*states)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize("aligned", verdict(WORKS, ["--alignment-layer, --alignment-heads"]))
def test_attention_of_a_stacked_layer_is_that_of_the_copy(aligned, layer, heads):
    twins = Twins(**ADMIN)
    ours, theirs = twins.outputs(training=False, alignment_layer=layer, alignment_heads=heads)
    assert ours[1]["attn"][0].shape == (3, 6, 7)
    torch.testing.assert_close(ours[1]["attn"], theirs[1]["attn"])


@pytest.mark.parametrize("option", verdict(REFUSED, REFUSED_WITH_SHARING))
def test_refused_with_sharing_and_only_then(option):
    options, reason = REFUSED_WITH_SHARING[option]
    with pytest.raises(SharingError, match=f"{option.split()[0]}.*{reason}"):
        build("shared_transformer", **SHARED, **options)
    if "base" not in option:  # fairseq builds these only in a process group
        build("shared_transformer", **options)


@pytest.mark.parametrize("option", verdict(REFUSED, REFUSED_WITH_ADMIN))
def test_refused_with_admin(option):
    options, reason = REFUSED_WITH_ADMIN[option]
    with pytest.raises(SharingError, match=f"{option.split()[-1]}.*{reason}"):
        build("shared_transformer", residual_scaling="admin", **options)
