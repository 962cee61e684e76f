"""Sharing means Parameter objects: one write reaches all, one gradient, counted once."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import SHARING, every_parameter, sharing_options, tiny_model
from torch import nn

from fairseq_sharing import SharingError, count_parameters, layer_map, share_layers, tied_groups
from fairseq_sharing.model.sublayers import SUBLAYERS, SideMap
from fairseq_sharing.model.tying import LayerStacker, aliases


@pytest.mark.parametrize("strategy", SHARING)
def test_what_is_written_through_one_layer_is_read_through_all(strategy):
    model = tiny_model(**sharing_options(strategy))
    for side in (model.encoder, model.decoder):
        for position, unique in enumerate(side.side_map.layers):
            with torch.no_grad():
                side.layers[position].fc1.bias.fill_(3.0 + position)
            for other, layer in zip(side.side_map.layers, side.layers, strict=True):
                same = bool((layer.fc1.bias == 3.0 + position).all())
                assert same == (other == unique)


@pytest.mark.parametrize("strategy", SHARING)
def test_every_stacked_layer_has_a_self_attention_object_of_its_own(strategy):
    decoder = tiny_model(**sharing_options(strategy)).decoder
    objects = [layer.self_attn for layer in decoder.layers]
    assert len({id(module) for module in objects}) == 4
    assert len({module._incremental_state_id for module in objects}) == 4


def test_nothing_is_left_without_memory():
    model = tiny_model(**sharing_options("cycle_rev"))
    tensors = [*every_parameter(model).values(), *model.buffers()]
    assert not any(tensor.is_meta for tensor in tensors)


@pytest.mark.parametrize(
    "change", [copy.deepcopy, lambda m: m.half(), lambda m: m.double(), lambda m: m.to("cpu")]
)
def test_ties_survive_copying_and_conversion(change):
    model = tiny_model(**sharing_options("cycle_rev"))
    before = aliases(model)
    assert before
    changed = change(model)
    assert aliases(changed) == before
    assert all(
        every_parameter(changed)[alias] is every_parameter(changed)[first]
        for alias, first in before.items()
    )


@given(st.sampled_from(["sequence", "cycle", "cycle_rev"]), st.integers(1, 6), st.integers(1, 6))
def test_any_equal_layers_can_be_shared(strategy, unique, more):
    layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(unique + more))
    share_layers(layers, layer_map(strategy, unique + more, unique))
    assert count_parameters(layers) == unique * 12
    assert count_parameters(layers, stacked=True) == (unique + more) * 12
    assert sum(len(group) for group in tied_groups(layers)) == 2 * sum(
        len([*same]) if len([*same]) > 1 else 0 for same in _positions(layers)
    )


def linear_layers(*layer_map):
    layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(4))
    return share_layers(layers, layer_map) if layer_map else layers


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("outer", [nn.Sequential, lambda layers: layers], ids=["within", "alone"])
def test_loading_keeps_any_layers_tied(outer, assign):
    source, layers = linear_layers(0, 1, 1, 0), linear_layers(0, 1, 1, 0)
    state = {name: value.clone() for name, value in outer(source).state_dict().items()}
    outer(layers).load_state_dict(state, assign=assign)
    assert count_parameters(layers) == 24
    assert all(parameter.requires_grad for parameter in layers.parameters())
    for name, parameter in every_parameter(layers).items():
        assert torch.equal(parameter, every_parameter(source)[name])


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_of_layers_that_share_less_is_refused(assign):
    layers, before = linear_layers(0, 1, 1, 0), {}
    for name, parameter in every_parameter(layers).items():
        before[name] = parameter.clone()
    with pytest.raises(SharingError, match=r"state's 3\.weight differs from its 0\.weight"):
        layers.load_state_dict(linear_layers().state_dict(), assign=assign)
    assert all(torch.equal(p, before[name]) for name, p in every_parameter(layers).items())


def test_layers_that_tie_parameters_inside_are_shared_whole():
    def layer():
        made = nn.ModuleDict({name: nn.Linear(3, 3) for name in ("one", "two", "three")})
        made["two"].weight = made["one"].weight
        made["four"] = made["three"]
        return made

    first, second = share_layers(nn.ModuleList([layer(), layer()]), (0, 0))
    for name, parameter in every_parameter(first).items():
        assert every_parameter(second)[name] is parameter


def _positions(layers):
    return [
        [i for i, layer in enumerate(layers) if layer.weight is weight]
        for weight in dict.fromkeys(layer.weight for layer in layers)
    ]


def test_layers_that_differ_cannot_be_shared():
    with pytest.raises(SharingError, match="name or shape"):
        share_layers(nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 4)]), (0, 0))
    with pytest.raises(SharingError, match="2 entries for 3 layers"):
        share_layers(nn.ModuleList(nn.Linear(3, 3) for _ in range(3)), (0, 0))


def test_a_stacked_layer_has_buffers_of_its_own():
    def layer():
        return nn.ModuleDict({name: nn.BatchNorm1d(3) for name in SUBLAYERS["ffn"]})

    stacker = LayerStacker(SideMap({"ffn": (0, 1, 0)}))
    layers = [stacker.add(layer) for _ in range(3)]
    for layer in layers:
        layer["fc1"](torch.randn(5, 3))
    assert layers[2]["fc1"].weight is layers[0]["fc1"].weight
    means = [layer["fc1"].running_mean for layer in layers]
    assert all(mean.abs().sum() > 0 for mean in means)
    assert not torch.equal(means[0], means[2])
    assert list(layers[2].state_dict()) == list(layers[0].state_dict())
