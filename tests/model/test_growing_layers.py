"""A growing model at each depth against fairseq's plain one, and against itself without growth."""

import pytest
import torch
from equality import assert_same_hypotheses, assert_same_step_by_step
from fairseq.sequence_generator import SequenceGenerator, SequenceGeneratorWithAlignment
from growing import (
    MAPS,
    SIX,
    UPDATES,
    growing,
    name_in,
    not_growing,
    plain_of,
    run_with_gradients,
)
from support import batch, dictionary, every_parameter, tiny_model

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
SHARINGS = [*((name, False) for name in MAPS), ("sequence", True), ("explicit maps", True)]
"""Of them all with cross-attention reused, and of two without."""

SIDES = {
    "the encoder alone": {
        "encoder_layer_map": "0,1,1,0,1",
        "decoder_layers": 2,
        "decoder_layer_map": "0,1",
        "encoder_layers": 5,
    },
    "both, unlike": {
        "encoder_layer_map": "0,0,1,1,2",
        "encoder_layers": 5,
        "decoder_layers": 4,
        "decoder_layer_map": "0,0,0,0",
    },
}


@pytest.mark.parametrize(("sharing", "no_reuse"), SHARINGS)
def test_with_m_layers_it_is_the_plain_model_bit_for_bit(sharing, no_reuse):
    model = growing(sharing, no_cross_attention_reuse=no_reuse, **DROPOUT)
    depths = model.growth.depths
    plain = tiny_model(
        arch="transformer",
        encoder_layers=depths["encoder"],
        decoder_layers=depths["decoder"],
        **DROPOUT,
    )
    pairs = list(zip(model.parameters(), plain.parameters(), strict=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)  # from the same seed
    assert torch.equal(model.eval()(**batch())[0], plain.eval()(**batch())[0])
    assert torch.equal(*(run_with_gradients(one, batch()) for one in (model, plain)))
    assert all(torch.equal(ours.grad, theirs.grad) for ours, theirs in pairs)


@pytest.mark.parametrize(("sharing", "no_reuse"), SHARINGS)
def test_with_n_layers_it_is_the_model_without_growth_bit_for_bit(sharing, no_reuse):
    options = {"no_cross_attention_reuse": no_reuse, **DROPOUT}
    model, full = growing(sharing, "N", **options), not_growing(sharing, **options)
    pairs = list(zip(model.parameters(), full.parameters(), strict=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert torch.equal(model.eval()(**batch())[0], full.eval()(**batch())[0])
    assert torch.equal(*(run_with_gradients(one, batch()) for one in (model, full)))
    assert all(torch.equal(ours.grad, theirs.grad) for ours, theirs in pairs)


@pytest.mark.parametrize(("sharing", "no_reuse"), SHARINGS)
def test_between_it_is_an_unshared_model_of_that_depth(sharing, no_reuse):
    model = growing(sharing, "between", no_cross_attention_reuse=no_reuse, **DROPOUT)
    assert model.growth.depths["encoder"] < 6
    assert_equal_to_plain(model, **DROPOUT)


@pytest.mark.parametrize("at", UPDATES)
@pytest.mark.parametrize("sides", SIDES)
def test_each_side_grows_from_its_own_m_to_its_own_n(sides, at):
    model = tiny_model(grow_depth_at="10,20", **SIDES[sides])
    model.set_num_updates(UPDATES[at])
    expected = {
        "the encoder alone": {"M": (2, 2), "between": (3, 2), "N": (5, 2)},
        "both, unlike": {"M": (3, 1), "between": (4, 2), "N": (5, 4)},
    }
    assert tuple(model.growth.depths.values()) == expected[sides][at]
    assert_equal_to_plain(model)


@pytest.mark.parametrize(
    "options",
    [
        {"encoder_normalize_before": True, "decoder_normalize_before": True},
        {"checkpoint_activations": True},
        {"offload_activations": True},
        {"no_cross_attention": True, "cross_self_attention": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_with_other_options_it_is_the_plain_model_with_them(options):
    assert_equal_to_plain(growing("sequence", "between", **options), **options)


def assert_equal_to_plain(model, **options):
    """Outputs in evaluation and training, and gradients, which are sums over layers that share."""
    plain = plain_of(model, **options)
    ours, theirs = (one.eval()(**batch())[0] for one in (model, plain))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    ours, theirs = (run_with_gradients(one, batch()) for one in (model, plain))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    running = {side: getattr(model, side).layers.running for side in ("encoder", "decoder")}
    shared, sums = every_parameter(model), {}
    for name, parameter in plain.named_parameters():
        own = shared[name_in(running, name)]
        sums[own] = sums.get(own, 0) + parameter.grad
    for own, total in sums.items():
        torch.testing.assert_close(own.grad, total, atol=1e-5, rtol=1e-5)
    assert sums.keys() == set(model.parameters())


@pytest.mark.parametrize(
    ("sharing", "at", "no_reuse"),
    [
        *((sharing, "between", no_reuse) for sharing, no_reuse in SHARINGS),
        *(("sequence", at, no_reuse) for at in "MN" for no_reuse in (False, True)),
    ],
)
def test_beam_search_finds_what_the_plain_model_finds(sharing, at, no_reuse):
    apart = {"share_all_embeddings": False}
    model = growing(sharing, at, no_cross_attention_reuse=no_reuse, **apart)
    models = [model.eval(), plain_of(model, **apart).eval()]
    assert_same_hypotheses(*(search(one) for one in models))


def search(model, kind=SequenceGenerator, **options):
    generator = kind([model], dictionary(), beam_size=3, max_len_b=6, **options)
    return generator.generate([model], {"net_input": batch()})


@pytest.mark.parametrize("at", UPDATES)
def test_step_by_step_it_gives_the_logits_of_the_whole(at):
    assert_same_step_by_step(growing("sequence", at).eval())


@pytest.mark.parametrize("at", UPDATES)
def test_the_alignment_is_that_of_the_last_layer_that_runs(at):
    model = growing("cycle_rev", at).eval()
    plain = plain_of(model).eval()
    for layer in (None, 0, 2):
        ours, theirs = (one(**batch(), alignment_layer=layer)[1] for one in (model, plain))
        torch.testing.assert_close(ours["attn"], theirs["attn"], atol=1e-6, rtol=0)
        torch.testing.assert_close(ours["inner_states"], theirs["inner_states"], atol=1e-6, rtol=0)
    sample = {"net_input": batch(), "target": batch()["prev_output_tokens"]}
    found = []
    for one in (model, plain):
        aligning = SequenceGeneratorWithAlignment(
            [one], dictionary(), beam_size=3, max_len_b=6, print_alignment="hard"
        )
        found.append(aligning.generate([one], sample))
    assert_same_hypotheses(*found)
    for ours, theirs in zip(*found, strict=True):
        assert [h["alignment"] for h in ours] == [h["alignment"] for h in theirs]


def test_growing_back_and_forth_leaves_no_trace():
    model = growing(at="N")
    for update in (0, 10, 20, 10, 0):
        model.set_num_updates(update)
        run_with_gradients(model, batch())
        model.zero_grad()
    assert torch.equal(model.eval()(**batch())[0], growing().eval()(**batch())[0])
    assert len(model.encoder.layers) == SIX["encoder_layers"]
