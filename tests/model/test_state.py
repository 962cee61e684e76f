"""State dicts: every parameter once, the maps with it, and what loading takes and refuses."""

import copy

import pytest
import torch
from fairseq import utils
from support import SHARING, batch, sharing_options, tiny_model, unshared_copy

from fairseq_sharing import SharingError, count_parameters, layer_map
from fairseq_sharing.model.state import decode_map, encode_map
from fairseq_sharing.model.strategies import format_layer_map


@pytest.mark.parametrize("strategy", SHARING)
def test_a_state_dict_holds_each_parameter_once(strategy):
    model = tiny_model(**sharing_options(strategy))
    state = model.state_dict()
    extra = [n for n in state if n.endswith(("version", "layer_map", "_float_tensor"))]
    stored = sum(value.numel() for name, value in state.items() if name not in extra)
    assert stored == count_parameters(model)


@pytest.mark.parametrize("strategy", SHARING)
def test_reloading_gives_the_same_model(strategy):
    model = tiny_model(**sharing_options(strategy))
    other = tiny_model(seed=9, **sharing_options(strategy))
    other.load_state_dict(utils.move_to_cpu(copy.deepcopy(model.state_dict())))
    assert torch.equal(other(**batch())[0], model(**batch())[0])


def test_loading_leaves_the_given_state_as_it_was():
    model = tiny_model(**sharing_options("cycle"))
    state = model.state_dict()
    names = list(state)
    model.load_state_dict(state)
    assert list(state) == names


@pytest.mark.parametrize("convert", [torch.half, torch.bfloat16], ids=str)
def test_maps_survive_lower_precision_and_ema(convert):
    layers = layer_map("cycle_rev", 36, 18)
    stored = encode_map(layers).to(torch.float16 if convert is torch.half else convert)
    assert decode_map(stored) == layers
    for _ in range(1000):
        stored.mul_(0.9999).add_(encode_map(layers).to(stored.dtype), alpha=1 - 0.9999)
    assert decode_map(stored) == layers


def test_a_checkpoint_of_another_map_is_refused_with_both_maps():
    state = tiny_model(**sharing_options("cycle", 2)).state_dict()
    for options in (sharing_options("cycle_rev", 2), {}):
        with pytest.raises(SharingError) as refused:
            tiny_model(**options).load_state_dict(state)
        assert "0,1,0,1" in str(refused.value)
        ours = format_layer_map(layer_map("cycle_rev", 4, 2) if options else (0, 1, 2, 3))
        assert ours in str(refused.value)


def test_an_unshared_checkpoint_with_equal_layers_loads():
    shared = tiny_model(**sharing_options("sequence"))
    other = tiny_model(seed=9, **sharing_options("sequence"))
    other.load_state_dict(unshared_copy(shared).state_dict())
    assert torch.equal(other(**batch())[0], shared(**batch())[0])


def test_an_unshared_checkpoint_with_different_layers_is_refused_naming_the_first():
    state = unshared_copy(tiny_model(**sharing_options("cycle", 2))).state_dict()
    state["decoder.layers.3.fc1.bias"] += 1
    with pytest.raises(SharingError, match=r"decoder\.layers\.3\.fc1\.bias differs from decoder"):
        tiny_model(**sharing_options("cycle", 2)).load_state_dict(state)


def test_an_unshared_checkpoint_of_fewer_layers_is_refused():
    state = tiny_model(encoder_layers=2, decoder_layers=2).state_dict()
    with pytest.raises(SharingError, match=r"no layer map and no encoder\.layers\.2"):
        tiny_model(**sharing_options("cycle", 2)).load_state_dict(state)


def test_embeddings_that_differ_are_not_loaded_into_a_model_that_ties_them():
    state = tiny_model(**sharing_options("cycle", 2), share_all_embeddings=False).state_dict()
    with pytest.raises(SharingError, match=r"decoder\.embed_tokens\.weight differs from encod"):
        tiny_model(**sharing_options("cycle", 2)).load_state_dict(state)
