"""A shared model made from one whose layers are all different, to be trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..model.state import compact_state
from ..model.strategies import LayerMap
from ..model.sublayers import SUBLAYERS
from ..model.tying import aliases, tied_groups
from .contents import Checkpoint, State
from .depth import at_trained_depth
from .files import Content
from .precision import at_least_float32


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    """In float32 for half precision, unless all are equal anyway."""
    first = tensors[0]
    if all(tensor.equal(first) for tensor in tensors):
        return first
    mean = torch.stack([tensor.double() for tensor in tensors]).mean(0)
    return mean.to(at_least_float32(first.dtype))


INITS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "first": lambda tensors: tensors[0],
    "last": lambda tensors: tensors[-1],
    "mean": _mean,
}
"""How a shared parameter is made from those of the layers that will share it, bottom first."""


@dataclass(frozen=True)
class Distance:
    """How far a stacked layer was from the parameters that it has now: |old - new| / |old|.

    ``part`` is the sublayer that it is about, or ``layer``.
    """

    side: str
    part: str
    layer: int
    unique: int
    relative: float


def share(checkpoint: Checkpoint, init: str, **sharing: Any) -> tuple[Content, list[Distance]]:
    """``checkpoint`` with layers tied as the options ``sharing`` say, and what that changed.

    ``init``, a key of INITS, says which of the layers of a group gives the parameters. Raises
    SharingError where a model cannot be built with these options.
    """
    checkpoint = at_trained_depth(checkpoint)
    sharing = checkpoint.unshared | sharing
    model = checkpoint.skeleton(**sharing)
    stacked = checkpoint.stacked_state()
    shared = dict(stacked)
    for names in tied_groups(model):
        chosen = INITS[init]([stacked[name] for name in names])
        shared |= dict.fromkeys(names, chosen)
    distances = [
        distance
        for side, side_map in model.maps.items()
        for part, layers in side_map.parts.items()
        for distance in _distances(side, part, layers, stacked, shared)
    ]
    compact_state(shared, aliases(model), model.maps)
    shared |= {name: t for name, t in checkpoint.state.items() if name.endswith(".residual_start")}
    options = checkpoint.options() | sharing | {"_name": f"shared_{checkpoint.kind.unshared}"}
    return checkpoint.inference_content(shared, options, same_model=False), distances


def _distances(
    side: str, part: str, layers: LayerMap, before: State, after: State
) -> list[Distance]:
    """One for each stacked layer whose ``part`` shares its parameters."""
    modules = SUBLAYERS.get(part, ("",))
    found = []
    for layer, unique in enumerate(layers):
        if layers.count(unique) > 1 or part == "encoder_ffn":
            prefixes = tuple(f"{side}.layers.{layer}.{f'{name}.' * bool(name)}" for name in modules)
            found.append(Distance(side, part, layer, unique, _distance(prefixes, before, after)))
    return found


def _distance(prefixes: tuple[str, ...], before: State, after: State) -> float:
    names = [name for name in before if name.startswith(prefixes)]
    old = torch.cat([before[name].double().flatten() for name in names])
    new = torch.cat([after[name].double().flatten() for name in names])
    return float((old - new).norm() / old.norm())
