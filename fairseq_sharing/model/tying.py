"""Layers that use another layer's parameters: how they are tied, and how to find what is tied."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from ..errors import SharingError
from .strategies import check_layer_map, first_uses
from .sublayers import SUBLAYERS, SideMap


def tie_parameters(layer: nn.Module, source: nn.Module) -> None:
    """Make ``layer`` use the very Parameter objects of ``source``, in place.

    The modules of ``layer`` stay its own, and with them whatever state they hold, such as the
    decoding cache of an attention. Raises SharingError if the two do not have the same parameters.
    """
    if _shapes(layer) != _shapes(source):
        raise SharingError("cannot tie layers whose parameters differ in name or shape")
    modules = dict(layer.named_modules(remove_duplicate=False))
    for name, parameter in source.named_parameters(remove_duplicate=False):
        path, _, attribute = name.rpartition(".")
        setattr(modules[path], attribute, parameter)


def _copy_buffers(layer: nn.Module, source: nn.Module) -> None:
    """Give ``layer`` buffers of its own that are equal to those of ``source``, in place."""
    modules = dict(layer.named_modules(remove_duplicate=False))
    for name, buffer in source.named_buffers(remove_duplicate=False):
        path, _, attribute = name.rpartition(".")
        setattr(modules[path], attribute, buffer.detach().clone())


def _shapes(layer: nn.Module) -> dict[str, torch.Size]:
    named = layer.named_parameters(remove_duplicate=False)
    return {name: parameter.shape for name, parameter in named}


def share_layers(layers: nn.ModuleList, layer_map: Sequence[int]) -> nn.ModuleList:
    """Tie existing layers in place as ``layer_map`` says: each to the first one with its number.

    Works on any ``nn.ModuleList`` of equal layers, of fairseq or not; buffers stay separate. State
    dicts have every name. Loading one, also with ``assign``, keeps the ties, and raises
    SharingError if entries differ that are one parameter here.

    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))
    >>> sum(p.numel() for p in share_layers(layers, (0, 1, 1, 0)).parameters())
    40
    """
    check_layer_map(tuple(layer_map), len(layers))
    for position, first in enumerate(first_uses(tuple(layer_map))):
        if first != position:
            tie_parameters(layers[position], layers[first])
    layers.register_load_state_dict_pre_hook(_keep_ties)
    return layers


def _keep_ties(
    layers: nn.ModuleList, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *_: Any
) -> None:
    ties = {prefix + alias: prefix + first for alias, first in aliases(layers).items()}
    for alias, first in ties.items():
        if alias in state and first in state and not torch.equal(state[alias], state[first]):
            raise SharingError(
                f"the state's {alias} differs from its {first}, which are one parameter here; "
                "load it into layers that are not shared, or that are shared as in the state"
            )
    if metadata.get("assign_to_params_buffers"):
        as_tied_parameters(state, ties)


class LayerStacker:
    """Builds the layers of a stack in order, ties each sublayer to the first with its parameters.

    A layer that is tied whole is built on the meta device, so that its own weights are never
    allocated or drawn; tied buffers begin as copies of those that they are tied to.
    """

    def __init__(self, side_map: SideMap) -> None:
        self.first = {name: first_uses(layers) for name, layers in side_map.sublayers.items()}
        self.layers: list[nn.Module] = []

    def add(self, build: Callable[[], nn.Module]) -> nn.Module:
        """The next stacked layer, of fairseq's; ``build`` makes one."""
        position = len(self.layers)
        tied = {name: first[position] for name, first in self.first.items()}
        with nullcontext() if position in tied.values() else torch.device("meta"):
            layer = build()
        for sublayer, first in tied.items():
            if first == position:
                continue
            for name in SUBLAYERS[sublayer]:
                source = self.layers[first].get_submodule(name)
                tie_parameters(layer.get_submodule(name), source)
                _copy_buffers(layer.get_submodule(name), source)
        self.layers.append(layer)
        return layer


def tie_across(decoder: Any, encoder: Any) -> None:
    """Let a decoder whose map has ``encoder_ffn`` use the encoder's feed-forwards, in place."""
    used = encoder.side_map.sublayers["ffn"]
    for layer, entry in zip(
        decoder.layers.children(), decoder.side_map.sublayers.get("encoder_ffn", ()), strict=False
    ):
        source = encoder.layers[used.index(entry)]
        for name in SUBLAYERS["encoder_ffn"]:
            tie_parameters(layer.get_submodule(name), source.get_submodule(name))


def tied_groups(model: nn.Module) -> list[tuple[str, ...]]:
    """The names of each parameter that has several, in the order of the model's parameters."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    return [tuple(group) for group in names.values() if len(group) > 1]


def aliases(model: nn.Module) -> dict[str, str]:
    """Every further name of a tied parameter, with the first name of the same parameter."""
    return {alias: group[0] for group in tied_groups(model) for alias in group[1:]}


def as_tied_parameters(state: dict[str, Any], further_names: dict[str, str]) -> None:
    """Let torch assign one Parameter to all names of a tied one; it would make one for each."""
    for first in set(further_names.values()) & state.keys():
        state[first] = nn.Parameter(state[first].detach(), requires_grad=False)
    state |= {alias: state[first] for alias, first in further_names.items() if first in state}


def count_parameters(model: nn.Module, *, stacked: bool = False) -> int:
    """Parameters of ``model``, each tied one counted once; with ``stacked``, once for each name."""
    named = model.named_parameters(remove_duplicate=not stacked)
    return sum(parameter.numel() for _, parameter in named)
