"""Depth that grows: which layers of a stack run at which update.

A deeper stack of shared layers has no more parameters than a shallow one. So a training can begin
with the M unique layers alone and become N deep while it runs, with the same parameters and
optimizer state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..errors import SharingError
from .strategies import LayerMap, num_unique_layers
from .sublayers import SideMap


def growth_order(layer_map: LayerMap) -> LayerMap:
    """Stacked positions in the order in which they begin to run.

    They are ranked by how many earlier positions use the same unique layer, then bottom first, so
    that the first M are a layer of each kind: 0 0 1 1 grows in the order 0 2 1 3.
    """
    earlier = [layer_map[:position].count(entry) for position, entry in enumerate(layer_map)]
    return tuple(sorted(range(len(layer_map)), key=lambda position: earlier[position]))


def running_positions(layer_map: LayerMap, depth: int) -> LayerMap:
    """The positions that run at ``depth``, from M to N, in stacking order."""
    return tuple(sorted(growth_order(layer_map)[:depth]))


def running_map(side_map: SideMap, depth: int) -> SideMap:
    """The map of the layers that run at ``depth``: of 0 0 1 1 at depth 3, 0 0 1."""
    return side_map.at(running_positions(side_map.layers, depth))


@dataclass(frozen=True)
class Schedule:
    """The numbers of updates after which a stack becomes deeper, in equal steps from M to N.

    Without any the stack is N deep from the start.
    """

    steps: tuple[int, ...] = ()

    def depth(self, layer_map: LayerMap, num_updates: int) -> int:
        """The depth at which the update after ``num_updates`` is made.

        With k steps it is M + (N - M) * i / k, rounded down, after the i-th.
        """
        if not self.steps:
            return len(layer_map)
        unique = num_unique_layers(layer_map)
        done = sum(num_updates >= step for step in self.steps)
        return unique + (len(layer_map) - unique) * done // len(self.steps)

    def phases(self, max_update: int) -> Iterator[tuple[int, int]]:
        """The parts of a training of ``max_update`` updates, as (first, end) of a range."""
        starts = [0, *(step for step in self.steps if step < max_update)]
        return zip(starts, [*starts[1:], max_update], strict=True)

    def __str__(self) -> str:
        return ",".join(map(str, self.steps))


NEVER = Schedule()
"""As deep as it will be from the start."""


def parse_schedule(text: str | None) -> Schedule:
    """A schedule from the value of ``--grow-depth-at``, such as ``900`` or ``500,1000``.

    Raises SharingError unless it is whole numbers of at least 1, each greater than the one before.
    """
    if text is None:
        return NEVER
    try:
        steps = tuple(int(step) for step in str(text).split(","))
    except ValueError:
        steps = ()
    if not steps or steps[0] < 1 or any(b <= a for a, b in pairwise(steps)):
        raise SharingError(
            f"--grow-depth-at {text}: give numbers of updates, at least 1 and increasing, "
            "separated by commas, such as 900 or 500,1000"
        )
    return Schedule(steps)
