"""State dicts: every parameter once, the maps with it, and what loading takes and refuses."""

import copy

import pytest
import torch
from fairseq import utils
from support import (
    DATA,
    SHARING,
    batch,
    every_parameter,
    sharing_options,
    tiny_model,
    unshared_copy,
)
from torch import nn

from fairseq_sharing import SharingError, count_parameters, layer_map, tied_groups
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


KINDS = {
    "admin": {"residual_scaling": "admin"},
    "growing": {"grow_depth_at": "5"},
    "plain": {},
}


@pytest.fixture(params=KINDS)
def two(request):
    """Two models of one kind: the first has seen a batch, the second has other weights."""
    options = KINDS[request.param] | sharing_options("cycle_rev", 2)
    models = tiny_model(**options), tiny_model(seed=9, **options)
    models[0](**batch())
    return models


@pytest.mark.parametrize("kind", ["admin", "growing"])
def test_a_state_dict_of_an_earlier_version_loads(kind):
    stored = torch.load(DATA / f"state_{kind}.pt", weights_only=True)
    model = tiny_model(**stored["options"])
    model.load_state_dict(stored["model"])
    torch.testing.assert_close(model.eval()(**batch())[0][:, -1], stored["logits"])
    assert model.state_dict().keys() == stored["model"].keys()


def test_within_another_module_it_is_the_same_under_a_prefix(two):
    model, other = two
    state = nn.Sequential(model).state_dict()
    assert list(state) == [f"0.{name}" for name in model.state_dict()]
    assert nn.Sequential(other).load_state_dict(state) == ([], [])
    assert torch.equal(other.eval()(**batch())[0], model.eval()(**batch())[0])


def test_the_prefix_may_be_given_by_position(two):
    found = two[0].state_dict({}, "a.", False)
    assert list(found) == [f"a.{name}" for name in two[0].state_dict()]


@pytest.mark.parametrize("outer", [nn.Sequential, lambda model: model], ids=["within", "alone"])
def test_assigned_tensors_stay_tied_and_trainable(two, outer):
    model, other = two
    ties = tied_groups(other)
    state = {name: tensor.clone() for name, tensor in outer(model).state_dict().items()}
    outer(other).load_state_dict(state, assign=True)
    assert tied_groups(other) == ties
    assert all(parameter.requires_grad for parameter in every_parameter(other).values())
    one = next(name for name in state if name.endswith("encoder.layers.0.fc1.weight"))
    assert other.encoder.layers[0].fc1.weight.data_ptr() == state[one].data_ptr()
    assert torch.equal(other.eval()(**batch())[0], model.eval()(**batch())[0])


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_model_without_memory_gets_that_of_the_state(options):
    options = options | sharing_options("cycle_rev", 2)
    model = tiny_model(**options)
    with torch.device("meta"):
        other = tiny_model(**options)
    other.load_state_dict(model.state_dict(), assign=True)
    assert not any(parameter.is_meta for parameter in other.parameters())
    assert count_parameters(other) == count_parameters(model)


def test_a_copy_keeps_a_state_of_its_own(two):
    model, other = two
    copied = copy.deepcopy(other)
    copied.load_state_dict(model.state_dict())
    assert torch.equal(copied.eval()(**batch())[0], model.eval()(**batch())[0])
    assert not torch.equal(other.eval()(**batch())[0], model(**batch())[0])


def test_nothing_is_put_on_an_object_that_belongs_to_its_class(two):
    for module in two[0].modules():
        assert not any(callable(vars(type(module)).get(name)) for name in vars(module))
        inherited = (name for name in vars(module) if name in dir(nn.Module))
        assert not [n for n in inherited if callable(vars(module)[n]) and not n.startswith("_")]


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
