"""A stack of layers of which only some run, and what lets its depth follow a schedule."""

import copy
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from ..errors import SharingError
from .cross_attention import note_running
from .growth import Schedule, running_positions
from .strategies import LayerMap, num_unique_layers
from .sublayers import SideMap

logger = logging.getLogger(__name__)

RUNNING_KEY = "{side}.running_layers"


class GrowingLayers(nn.ModuleList):
    """All N layers under their own numbers; whoever goes through them finds those that run."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__(layers.children())
        self.running: tuple[int, ...] = tuple(range(len(self)))

    def __iter__(self) -> Iterator[nn.Module]:
        return (self[position] for position in self.running)


class DepthGrowth:
    """The depth of a model's two sides: set by a schedule in training, else by the checkpoint.

    It is part of the model's state, as a 1 for each layer that runs and a 0 for the others: an
    average that fairseq's EMA takes of it is above 0 where a layer runs.
    """

    def __init__(self, sides: Mapping[str, Any], schedule: Schedule) -> None:
        """Let the layers of ``sides`` (encoder and decoder by name) grow, from M, in place."""
        self.sides = dict(sides)
        self.schedule = schedule
        self._num_updates: int | None = None
        for side in self.sides.values():
            side.layers = GrowingLayers(side.layers)
        self._follow_schedule(0)

    @property
    def depths(self) -> dict[str, int]:
        """How many layers of each side run."""
        return {name: len(side.layers.running) for name, side in self.sides.items()}

    def set_num_updates(self, num_updates: int) -> None:
        """Take the depth of the update that comes after ``num_updates``; log it where it changes.

        fairseq says the number before each update, and once before it loads a checkpoint, which
        then sets the depth itself.
        """
        before = self.depths
        self._follow_schedule(num_updates)
        if self._num_updates is not None and self.depths != before:
            changes = (
                f"{name} {before[name]} -> {depth} of {len(self.sides[name].layers)} layers"
                for name, depth in self.depths.items()
            )
            logger.info(f"depth after update {num_updates:,}: {'; '.join(changes)}")
        self._num_updates = num_updates

    def warn_of_late_steps(self, max_update: int) -> None:
        """Warn of steps that a training of ``max_update`` updates (0: no limit) will not reach."""
        late = [step for step in self.schedule.steps if 0 < max_update <= step]
        if late:
            logger.warning(
                f"--grow-depth-at {self.schedule}: the training ends after --max-update "
                f"{max_update:,}, before it would grow at {late[0]:,}"
            )

    def _follow_schedule(self, num_updates: int) -> None:
        for side in self.sides.values():
            layers = side.side_map.layers
            depth = self.schedule.depth(layers, num_updates)
            if depth != len(side.layers.running):
                _run(side, running_positions(layers, depth))

    def store(self, state: dict[str, Any], prefix: str = "") -> None:
        """Add which layers run to a state dict: (N,) for each side, in float32."""
        for name, side in self.sides.items():
            running = torch.zeros(len(side.layers), device="cpu")
            running[list(side.layers.running)] = 1
            state[prefix + RUNNING_KEY.format(side=name)] = running

    def run(self, running: Mapping[str, tuple[int, ...]]) -> None:
        """Let these positions of each side run."""
        for name, side in self.sides.items():
            _run(side, running[name])


def restore_depth(
    state: dict[str, Any], growth: DepthGrowth | None, maps: Mapping[str, SideMap]
) -> None:
    """Take out of a state dict which layers run, and let those of ``growth`` do.

    A model that does not grow runs all its layers; a warning says where the checkpoint's ran fewer.
    """
    running = {side: take_running(state, side, one.layers) for side, one in maps.items()}
    if growth:
        growth.run(running)
        return
    for side, positions in running.items():
        if len(positions) < len(maps[side]):
            logger.warning(
                f"the checkpoint was trained with {len(positions)} of the {side}'s "
                f"{len(maps[side])} layers; without --grow-depth-at all of them run from here on"
            )


def take_running(state: dict[str, Any], side: str, layer_map: LayerMap) -> tuple[int, ...]:
    """The positions of ``side`` that run in the model of a state dict, whose entry is taken out.

    Raises SharingError if the entry is not of a stack with this map.
    """
    stored = state.pop(RUNNING_KEY.format(side=side), None)
    if stored is None:
        return tuple(range(len(layer_map)))
    running = tuple((stored.flatten() > 0).nonzero().flatten().tolist())
    depth = max(len(running), num_unique_layers(layer_map))
    if len(stored) != len(layer_map) or running != running_positions(layer_map, depth):
        raise SharingError(
            f"the checkpoint's {side} runs layers {running} of {len(stored)}, which is no depth of "
            f"a stack of {len(layer_map)} layers; build the model with the checkpoint's map"
        )
    return running


def _run(side: Any, running: tuple[int, ...]) -> None:
    side.layers.running = running
    side.num_layers = len(running)  # fairseq's decoder gives the attention of the last one
    note_running(side.layers)


def scriptable(module: nn.Module) -> nn.Module:
    """What TorchScript, which compiles every layer of a list, is to compile in place of ``module``.

    A copy of a model or of a side of it that has the same parameters, and of growing layers those
    that run. torch puts what it compiles in the places of what it was given, hence a copy.
    """
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    if isinstance(module._modules.get("layers"), GrowingLayers):
        copied.layers = nn.ModuleList(module.layers)  # type: ignore[arg-type]
    return copied
