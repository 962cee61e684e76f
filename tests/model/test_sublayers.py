"""Sublayers with maps of their own: equal to an unshared copy, and whole layers a special case."""

from argparse import Namespace

import pytest
import torch
from equality import (
    LanguageTwins,
    Twins,
    assert_same_hypotheses,
    assert_same_step_by_step,
    build,
)
from fairseq.models import ARCH_CONFIG_REGISTRY
from fairseq.sequence_generator import SequenceGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from sublayer_maps import CYCLE_REV, EMBEDDINGS, PARTS, counted
from support import batch, dictionary, sharing_options, text_batch, tiny_model

from fairseq_sharing import SharingError, count_parameters
from fairseq_sharing.model.config import MAP_OPTIONS, DecoderOnlyConfig
from fairseq_sharing.model.cost import build_weightless
from fairseq_sharing.model.state import is_map
from fairseq_sharing.model.strategies import format_layer_map
from fairseq_sharing.model.sublayers import SUBLAYERS, SideMap, parse_sublayers

WAYS = {"plain": {}, "admin": {"residual_scaling": "admin"}, "dropout": {"dropout": 0.2}}
WAYS["pre-norm"] = {"encoder_normalize_before": True, "decoder_normalize_before": True}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("parts", PARTS)
def test_equal_to_an_unshared_copy(parts, way):
    if way == "dropout" and "no_decoder_ffn" in PARTS[parts]:
        pytest.skip("the copy draws numbers for feed-forwards that are not there")
    twins = Twins(**PARTS[parts], **WAYS[way])
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("parts", ["attention", "ffn"])
def test_a_language_model_is_equal_to_an_unshared_copy(parts):
    options = sharing_options("cycle_rev", 2, DecoderOnlyConfig.sides)
    twins = LanguageTwins(**options, share_sublayers=parts, dropout=0.1)
    assert [*twins.shared.maps["decoder"].sublayers] == ["self_attention", "ffn"]
    assert count_parameters(twins.shared) == counted(twins.shared) + EMBEDDINGS
    twins.assert_same(training=True)
    twins.assert_same(training=False)
    other = build("shared_transformer_lm", seed=9, **options, share_sublayers=parts).eval()
    other.load_state_dict(twins.shared.state_dict())
    assert torch.equal(other(**text_batch())[0], twins.shared.eval()(**text_batch())[0])


@pytest.mark.parametrize("parts", PARTS)
def test_full_and_incremental_decoding_are_the_same_and_beams_those_of_the_copy(parts):
    twins = Twins(**PARTS[parts], share_all_embeddings=False)
    shared, plain = twins.shared.eval(), twins.plain.eval()
    assert_same_step_by_step(shared)
    found = [
        SequenceGenerator([one], dictionary(), beam_size=4, max_len_b=12).generate(
            [one], {"net_input": batch()}
        )
        for one in (shared, plain)
    ]
    assert_same_hypotheses(*found)


@st.composite
def maps(draw, depth=4):
    layers: list[int] = []
    for _ in range(depth):
        layers.append(draw(st.integers(0, max(layers, default=-1) + 1)))
    return tuple(layers)


SUBLAYER_OPTIONS = [
    name
    for name in MAP_OPTIONS
    if not name.endswith("layer_map") and name != "decoder_encoder_ffn_map"
]


@settings(deadline=None, max_examples=40)
@given(st.fixed_dictionaries(dict.fromkeys(SUBLAYER_OPTIONS, maps())))
def test_any_maps_are_equal_to_an_unshared_copy_counted_and_stored(given_maps):
    options = {name: format_layer_map(layers) for name, layers in given_maps.items()}
    twins = Twins(**options)
    model = twins.shared
    for name, layers in given_maps.items():
        side, sublayer = name.removesuffix("_map").split("_", 1)
        assert model.maps[side].sublayers[sublayer] == layers
    assert count_parameters(model) == counted(model) + EMBEDDINGS
    twins.assert_same(training=True)
    state = model.state_dict()
    weights = [t for name, t in state.items() if not is_map(name) and t.numel() > 1]
    assert sum(map(torch.numel, weights)) == count_parameters(model)
    other = tiny_model(seed=9, **options)
    other.load_state_dict(state)
    assert torch.equal(other(**batch())[0], model(**batch())[0])


def test_equal_maps_of_all_sublayers_are_that_of_whole_layers():
    in_full = tiny_model(**dict.fromkeys(SUBLAYER_OPTIONS, "0,1,1,0"))
    whole = tiny_model(**CYCLE_REV)
    assert in_full.maps == whole.maps
    states = [model.state_dict() for model in (in_full, whole)]
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    assert states[0]["encoder.layer_map"].tolist() == [0, 1, 1, 0]


def test_equal_numbers_of_the_encoders_feed_forwards_are_no_map_of_whole_layers():
    names = ("self_attention", "cross_attention", "encoder_ffn")
    options = {f"decoder_{name}_map": "0,1,1,0" for name in names}
    model = tiny_model(**options)
    assert "decoder.encoder_ffn_map" in model.state_dict()
    assert "decoder.layer_map" not in model.state_dict()
    assert model.maps["decoder"].options("decoder") == options


def test_what_is_not_shared_is_tied_to_nothing():
    model = tiny_model(**CYCLE_REV, share_sublayers="ffn")
    first, *_, last = model.decoder.layers
    own = dict(last.named_parameters())
    for name, parameter in first.named_parameters():
        assert (own[name] is parameter) == name.startswith(SUBLAYERS["ffn"])


@pytest.mark.parametrize(("parts", "projections"), [("cross_attention", 2), ("ffn", 4)])
def test_keys_and_values_are_projected_once_for_each_cross_attention(parts, projections):
    model = tiny_model(**CYCLE_REV, share_sublayers=parts)
    called = []
    for attention in {layer.encoder_attn for layer in model.decoder.layers}:
        attention.k_proj.register_forward_hook(lambda module, *_: called.append(module))
    model(**batch())
    assert len(called) == projections


def test_another_map_is_refused_and_both_are_named():
    state = tiny_model(**CYCLE_REV, share_sublayers="ffn").state_dict()
    for other in (CYCLE_REV, {**CYCLE_REV, "share_sublayers": "attention"}):
        with pytest.raises(SharingError) as refused:
            tiny_model(**other).load_state_dict(state)
        line = str(refused.value)
        assert "encoder layer map is self-attention 0,1,2,3 ffn 0,1,1,0" in line
        assert f"the model's is {tiny_model(**other).maps['encoder']};" in line
        assert "(--encoder-self-attention-map 0,1,2,3 --encoder-ffn-map 0,1,1,0)" in line


def test_the_summary_names_each_map():
    summary = tiny_model(**CYCLE_REV, share_sublayers="ffn").sharing_summary()
    assert (
        "encoder map self-attention 0,1,2,3 ffn 0,1,1,0 (4 layers, unique: 4 self-attention, 2 ffn)"
    ) in summary


def test_depth_grows_by_the_layers_that_have_all_sublayers_in_common():
    """Layers 1 and 3 are the same; 0 and 2 differ in their feed-forwards."""
    options = {"encoder_self_attention_map": "0,1,0,1", "encoder_ffn_map": "0,1,2,1"}
    model = tiny_model(**options, grow_depth_at="5")
    assert model.maps["encoder"].layers == (0, 1, 2, 1)
    assert model.growth.depths == {"encoder": 3, "decoder": 4}
    model.set_num_updates(5)
    assert model.growth.depths == {"encoder": 4, "decoder": 4}
    plain = tiny_model(**options)
    plain.load_state_dict({n: t for n, t in model.state_dict().items() if "running" not in n})
    assert torch.equal(model(**batch())[0], plain(**batch())[0])
    with pytest.raises(SharingError, match="no depth can be added"):
        tiny_model(**CYCLE_REV, share_sublayers="ffn", grow_depth_at="5")


@pytest.mark.parametrize("scaling", ["none", "admin"])
@pytest.mark.parametrize("parts", ["in full", "across sides", "one wide"])
def test_a_scripted_model_gives_the_same(parts, scaling):
    model = tiny_model(**PARTS[parts], residual_scaling=scaling)
    model(**batch())
    model.eval()
    scripted = torch.jit.script(model)
    torch.testing.assert_close(scripted(**batch())[0], model(**batch())[0], atol=1e-5, rtol=0)


@given(st.lists(maps(6), min_size=1, max_size=3))
def test_layers_are_the_same_where_all_sublayers_are(given_maps):
    layers = SideMap(dict(zip(SUBLAYERS, given_maps, strict=False))).layers
    for one, entry in enumerate(layers):
        for other, again in enumerate(layers):
            equal = all(layer_map[one] == layer_map[other] for layer_map in given_maps)
            assert (entry == again) == equal


def test_names_of_sublayers():
    assert parse_sublayers("all") == ("self_attention", "cross_attention", "ffn")
    assert parse_sublayers("ffn,attention,ffn") == ("ffn", "self_attention", "cross_attention")


def test_the_preset_of_one_wide_feed_forward_has_the_parameters_of_base():
    args = Namespace(arch="one_wide_ffn_wmt_en_de", share_all_embeddings=True)
    ARCH_CONFIG_REGISTRY[args.arch](args)
    model = build_weightless(args, 32768)
    norms = (12 - 1) * 2 * 512
    biases_of_output = (12 - 1) * 512
    assert count_parameters(model) == 60_915_712 - norms - biases_of_output == 60_898_816
    assert str(model.maps["encoder"]) == "self-attention 0,1,2,3,4,5 ffn 0,0,0,0,0,0"
    assert [*model.maps["decoder"].sublayers] == ["self_attention", "cross_attention"]
