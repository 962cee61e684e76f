"""A shared model made from one whose layers are all different, to be trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..model.own import KEY, shared_positions
from ..model.shared_model import SharedModel
from ..model.state import compact_state
from ..model.strategies import LayerMap
from ..model.sublayers import SUBLAYERS
from ..model.tying import aliases, tied_groups
from .contents import Checkpoint
from .depth import at_trained_depth
from .files import Content, State
from .inference import inference_content
from .own import fold_own, own_parts
from .precision import at_least_float32
from .stacked import stacked_state


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

NOTHING_OWN = {"own": "none", "own_rank": None}


@dataclass(frozen=True)
class Distance:
    """How far a stacked layer was from the parameters that it shares now: |old - shared| / |old|.

    ``part`` is the sublayer that it is about, or ``layer``. ``held`` is how much of the difference
    is in what the layer has of its own, 1 - |old - new| / |old - shared|.
    """

    side: str
    part: str
    layer: int
    unique: int
    relative: float
    held: float = 0.0


def share(checkpoint: Checkpoint, init: str, **sharing: Any) -> tuple[Content, list[Distance]]:
    """``checkpoint`` with layers tied as the options ``sharing`` say, and what that changed.

    ``init``, a key of INITS, says which of the layers of a group gives the parameters. Norms and
    biases of their own stay as they are; scales and deltas hold what they can of the rest. Raises
    SharingError where a model cannot be built with these options.
    """
    checkpoint = at_trained_depth(checkpoint)
    sharing = checkpoint.unshared | sharing
    model = checkpoint.skeleton(**sharing)
    stacked = stacked_state(checkpoint)
    shared = _tied(stacked, model, init)
    shared |= own_parts(model, stacked, shared)
    plain = _tied(stacked, checkpoint.skeleton(**sharing | NOTHING_OWN), init)
    folded = fold_own(shared)
    distances = [
        distance
        for side, side_map in model.maps.items()
        for part, layers in side_map.parts.items()
        for distance in _distances(side, part, layers, (stacked, plain, folded))
    ]
    compact_state(shared, aliases(model), model.maps)
    shared |= {name: t for name, t in checkpoint.state.items() if name.endswith(".residual_start")}
    if model.own:
        shared[KEY] = model.own.encode()
    options = checkpoint.options() | sharing | {"_name": f"shared_{checkpoint.kind.unshared}"}
    return inference_content(checkpoint, shared, options, same_model=False), distances


def _tied(stacked: State, model: SharedModel, init: str) -> State:
    """``stacked`` with equal tensors wherever ``model`` has one parameter."""
    shared = dict(stacked)
    for names in tied_groups(model):
        chosen = INITS[init]([stacked[name] for name in names])
        shared |= dict.fromkeys(names, chosen)
    return shared


def _distances(
    side: str, part: str, layers: LayerMap, states: tuple[State, State, State]
) -> list[Distance]:
    """One for each stacked layer whose ``part`` shares its parameters.

    ``states`` are the old one, that of whole sharing, and the new one.
    """
    old, plain, new = states
    modules = SUBLAYERS.get(part, ("",))
    found = []
    for layer in shared_positions(part, layers):
        prefixes = tuple(f"{side}.layers.{layer}.{f'{name}.' * bool(name)}" for name in modules)
        apart, left = _distance(prefixes, old, plain), _distance(prefixes, old, new)
        held = 1 - left / apart if apart else 0.0
        found.append(Distance(side, part, layer, layers[layer], apart, held))
    return found


def _distance(prefixes: tuple[str, ...], before: State, after: State) -> float:
    names = [name for name in before if name.startswith(prefixes)]
    old = torch.cat([before[name].double().flatten() for name in names])
    new = torch.cat([after[name].double().flatten() for name in names])
    return float((old - new).norm() / old.norm())
