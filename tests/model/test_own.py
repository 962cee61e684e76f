"""What each position keeps of its own: nothing at the start, then equal to an unshared copy."""

import pytest
import torch
from equality import assert_same_hypotheses, assert_same_step_by_step, build
from fairseq.models import build_model
from fairseq.sequence_generator import SequenceGenerator
from hypothesis import given
from hypothesis import strategies as st
from support import (
    batch,
    dictionary,
    every_parameter,
    sharing_options,
    text_batch,
    tiny_args,
    tiny_model,
    toy_task,
)

from fairseq_sharing import SharingError, count_parameters
from fairseq_sharing.checkpoint.own import fold_own
from fairseq_sharing.model.config import DecoderOnlyConfig
from fairseq_sharing.model.cross_attention import SharedCrossAttention
from fairseq_sharing.model.own import KINDS, Own, parse_own

CYCLE = sharing_options("cycle", 2)
WAYS = {
    "norms": {"own": "norms"},
    "biases": {"own": "biases"},
    "scales": {"own": "scales"},
    "rank": {"own_rank": 3},
    "all": {"own": "norms,biases,scales", "own_rank": 2},
    "all of feed-forwards": {"own": "norms,scales", "own_rank": 2, "share_sublayers": "ffn"},
    "all, admin": {"own": "norms,scales", "own_rank": 2, "residual_scaling": "admin"},
    "all, pre-norm": {
        "own": "norms,biases,scales",
        "own_rank": 2,
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
    },
}


def moved(model, seed=3):
    """The model with other values in what its positions have of their own, as after training."""
    draw = torch.Generator().manual_seed(seed)
    uses = list(every_parameter(model).values())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            alone = sum(other is parameter for other in uses) == 1
            if alone and ".layers." in name and not name.endswith("residual_delta"):
                parameter += 0.1 * torch.randn(parameter.shape, generator=draw)
    return model


def copy_of(model, arch="transformer", **options):
    """fairseq's own model with every weight as it is at each position."""
    plain = build_model(tiny_args(arch, **options), toy_task())
    weights = fold_own({name: p.detach() for name, p in every_parameter(model).items()})
    with torch.no_grad():
        for name, parameter in every_parameter(plain).items():
            parameter.copy_(weights[name])
    return plain


@pytest.mark.parametrize("way", WAYS)
def test_it_begins_as_the_model_without(way):
    options = {**CYCLE, **WAYS[way]}
    kept = {name: value for name, value in options.items() if name not in ("own", "own_rank")}
    model, plain = tiny_model(**options), tiny_model(**kept)
    assert model.own
    assert count_parameters(model) > count_parameters(plain)
    named = every_parameter(plain)
    for name, parameter in every_parameter(model).items():
        assert "own_" in name or torch.equal(parameter, named[name])
    torch.testing.assert_close(model(**batch())[0], plain(**batch())[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("way", [way for way in WAYS if "admin" not in way])
def test_equal_to_an_unshared_copy_with_each_positions_weights(way):
    model = moved(tiny_model(**CYCLE, **WAYS[way]))
    normalised = {k: v for k, v in WAYS[way].items() if "normalize" in k}
    plain = copy_of(model, **normalised)
    outputs = [one(**batch())[0] for one in (model, plain)]
    torch.testing.assert_close(*outputs, atol=2e-5, rtol=1e-4)
    for logits in outputs:
        (logits.log_softmax(-1)[..., 5] * torch.arange(1.0, 7.0)).sum().backward()
    copies, names = every_parameter(plain), {}
    for name, parameter in every_parameter(model).items():
        names.setdefault(parameter, []).append(name)
    plain_kinds = "rank" not in way and "scales" not in WAYS[way].get("own", "")
    for parameter, group in names.items():
        if plain_kinds or not group[0].endswith("weight") or "layer_norm" in group[0]:
            distinct = {copies[name] for name in group if name in copies}
            if distinct:
                total = sum(copy.grad for copy in distinct)
                torch.testing.assert_close(parameter.grad, total, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_full_and_incremental_decoding_are_the_same(way):
    model = tiny_model(**CYCLE, **WAYS[way], share_all_embeddings=False)
    model(**batch())
    moved(model).eval()
    assert_same_step_by_step(model)


def test_beam_search_finds_what_the_copy_finds():
    model = moved(tiny_model(**CYCLE, **WAYS["all"], share_all_embeddings=False)).eval()
    plain = copy_of(model, share_all_embeddings=False).eval()
    found = [
        SequenceGenerator([one], dictionary(), beam_size=4, max_len_b=12).generate(
            [one], {"net_input": batch()}
        )
        for one in (model, plain)
    ]
    assert_same_hypotheses(*found)


@pytest.mark.parametrize("way", ["norms", "all"])
def test_a_language_model_keeps_its_own(way):
    options = sharing_options("cycle", 2, DecoderOnlyConfig.sides)
    model = moved(build("shared_transformer_lm", **options, **WAYS[way])).eval()
    plain = copy_of(model, "transformer_lm").eval()
    outputs = [one(**text_batch())[0] for one in (model, plain)]
    torch.testing.assert_close(*outputs, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("assign", [False, True])
def test_a_state_holds_each_parameter_once_and_is_reloaded(way, assign):
    model = tiny_model(**CYCLE, **WAYS[way])
    model(**batch())
    moved(model)
    state = model.state_dict()
    names = {name for name, _ in model.named_parameters()}
    assert names <= state.keys()
    assert not any(name.endswith("weight") for name in state.keys() - names)
    other = tiny_model(seed=9, **CYCLE, **WAYS[way])
    other.load_state_dict(state, assign=assign)
    assert torch.equal(other.eval()(**batch())[0], model.eval()(**batch())[0])
    assert count_parameters(other) == count_parameters(model)


def test_parameters_are_counted_exactly():
    """Of 4 layers that share 2 sets on each side; d=16, ffn=32."""
    plain = count_parameters(tiny_model(**CYCLE))
    norms, biases = 2 * 2 * 2 * 16 + 2 * 3 * 2 * 16, 2 * (4 * 16 + 48) + 2 * (8 * 16 + 48)
    assert count_parameters(tiny_model(**CYCLE, own="norms")) == plain + norms
    assert count_parameters(tiny_model(**CYCLE, own="biases")) == plain + biases
    scales = 4 * (4 * 16 + 48) + 4 * (8 * 16 + 48)
    assert count_parameters(tiny_model(**CYCLE, own="scales")) == plain + scales
    deltas = 4 * 3 * (4 * 32 + 2 * 48) + 4 * 3 * (8 * 32 + 2 * 48)
    assert count_parameters(tiny_model(**CYCLE, own_rank=3)) == plain + deltas


def test_a_layer_that_shares_nothing_gets_nothing():
    model = tiny_model(**sharing_options("middle_cycle"), own="norms", own_rank=2)
    layers = {name.split(".")[2] for name in every_parameter(model) if ".own_" in name}
    assert layers == {"1", "2"}


@pytest.mark.parametrize(("way", "reused"), [("norms", True), ("biases", False), ("rank", False)])
def test_keys_and_values_are_reused_where_projections_are_the_same(way, reused):
    model = tiny_model(**CYCLE, **WAYS[way])
    kinds = {type(layer.encoder_attn) for layer in model.decoder.layers}
    assert (kinds == {SharedCrossAttention}) == reused


@pytest.mark.parametrize("way", ["norms", "all", "all, admin"])
def test_a_scripted_model_gives_the_same(way):
    model = tiny_model(**CYCLE, **WAYS[way])
    model(**batch())
    moved(model).eval()
    scripted = torch.jit.script(model)
    torch.testing.assert_close(scripted(**batch())[0], model(**batch())[0], atol=1e-5, rtol=0)


@given(st.sets(st.sampled_from(KINDS)), st.integers(0, 999))
def test_what_is_own_is_stored_and_parsed(kinds, rank):
    own = parse_own(",".join(kinds) or "none", rank or None)
    assert Own.decode(own.encode()) == own
    assert (set(own.kinds), own.rank) == (kinds, rank)


def test_a_state_with_something_else_of_its_own_is_refused():
    state = tiny_model(**CYCLE, own="norms", own_rank=2).state_dict()
    with pytest.raises(SharingError, match="is norms rank 2 in the checkpoint, none in the model"):
        tiny_model(**CYCLE).load_state_dict(state)
    with pytest.raises(SharingError, match="is none in the checkpoint, biases in the model; build"):
        tiny_model(**CYCLE, own="biases").load_state_dict(tiny_model(**CYCLE).state_dict())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"own": "norms"}, "--own norms without --sharing-strategy or a map"),
        ({"own_rank": 2}, "--own none --own-rank 2 without --sharing-strategy or a map"),
        ({**CYCLE, "own": "norm"}, "--own norm: unknown 'norm'; give none, or one or several"),
        ({**CYCLE, "own": "none,norms"}, "--own none,norms: unknown 'none'"),
        ({**CYCLE, "own_rank": 17}, "--own-rank 17: must be at most 16, the layers' width"),
        ({**CYCLE, "own_rank": 0}, "--own-rank 0: must be a whole number of at least 1"),
        ({**CYCLE, "own": "norms", "grow_depth_at": "5"}, "cannot go with --grow-depth-at"),
    ],
)
def test_mistakes_are_one_line(options, line):
    with pytest.raises(SharingError) as error:
        tiny_model(**options)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
