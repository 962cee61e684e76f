"""Training speed where the device's memory does not hold all systems at once."""

import pytest
import torch

from fairseq_sharing.training.speed import as_memory_allows

SPEEDS = {"vanilla": 10.0, "deep": 5.0, "deeper": 2.5}


class Device:
    """Holds so many systems, and is slower in every later measurement."""

    def __init__(self, room: int) -> None:
        self.room, self.slower = room, 1

    def measure(self, names: list[str]) -> dict[str, dict[int, float]]:
        if len(names) > self.room:
            raise torch.OutOfMemoryError
        self.slower *= 2
        return {name: {0: SPEEDS[name] / self.slower} for name in names}


@pytest.mark.parametrize("room", [3, 2])
def test_relative_speeds_are_those_of_systems_side_by_side(room):
    found = as_memory_allows(list(SPEEDS), Device(room).measure)
    assert {name: speeds[0] / found["vanilla"][0] for name, speeds in found.items()} == {
        "vanilla": 1.0,
        "deep": 0.5,
        "deeper": 0.25,
    }


@pytest.mark.parametrize("names", [list(SPEEDS), ["vanilla"]])
def test_a_device_too_small_for_two_measures_nothing(names):
    assert as_memory_allows(names, Device(0).measure) == {}
