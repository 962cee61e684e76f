"""A checkpoint from before a stack has grown, as the shallower model that it is."""

import argparse
import re

from ..model.growing_layers import take_running
from ..model.state import store_map, take_map
from .contents import Checkpoint
from .options import Options

_LAYER = re.compile(r"(encoder|decoder)\.layers\.(\d+)\.(.*)")


def depths(checkpoint: Checkpoint) -> dict[str, int]:
    """How many layers of each side run, by what is stored; all of them if nothing is."""
    state = dict(checkpoint.state)
    maps = checkpoint.skeleton().maps
    return {side: len(take_running(state, side, one.layers)) for side, one in maps.items()}


def at_trained_depth(checkpoint: Checkpoint) -> Checkpoint:
    """``checkpoint`` as a model of the layers that run in it; itself if all of them do.

    Those layers get the numbers 0 to depth - 1, its options a map of just them and no growth.
    """
    maps, state = checkpoint.skeleton().maps, dict(checkpoint.state)
    running = {side: take_running(state, side, one.layers) for side, one in maps.items()}
    if all(len(running[side]) == len(maps[side]) for side in maps):
        return checkpoint
    options: Options = checkpoint.stored_options() | checkpoint.unshared
    for side, positions in running.items():
        shallower = maps[side].at(positions)
        options |= {f"{side}_layers": len(positions)} | shallower.options(side)
        if take_map(state, side):
            store_map(state, side, shallower)
    renamed = {}
    for name, tensor in state.items():
        layer = _LAYER.fullmatch(name)
        if layer is None:
            renamed[name] = tensor
        elif int(layer[2]) in running[layer[1]]:
            number = running[layer[1]].index(int(layer[2]))
            renamed[f"{layer[1]}.layers.{number}.{layer[3]}"] = tensor
    content = checkpoint.content | {"args": argparse.Namespace(**options), "model": renamed}
    return Checkpoint(checkpoint.path, content)
