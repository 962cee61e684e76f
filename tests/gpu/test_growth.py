"""Depth that grows in a training on the card."""

import re

import pytest
from gpu_trainings import HALF, UPDATES
from training import largest_difference, measured, saved

RUNNING = ("encoder.running_layers", "decoder.running_layers")


def depths(checkpoint: dict) -> list[int]:
    """How many layers of each side run."""
    return [int(checkpoint["model"][name].sum()) for name in RUNNING]


@pytest.mark.parametrize("name", ["growing", "growing, fp16"])
def test_it_grows_when_it_should_and_goes_on(trainings, name):
    folder, printed = trainings[name]
    changes = re.findall(r"depth after update (\d+): (.*)", printed)
    assert changes == [(str(HALF + 2), "encoder 3 -> 4 of 4 layers; decoder 3 -> 4 of 4 layers")]
    first, last = saved(folder, HALF), saved(folder, UPDATES)
    assert (depths(first), depths(last)) == ([3, 3], [4, 4])
    assert measured(last)["loss"] < measured(first)["loss"]


def test_it_goes_on_on_the_cpu(trainings):
    ours, theirs = saved(trainings["growing"][0]), saved(trainings["growing, then on the CPU"])
    assert measured(ours) == pytest.approx(measured(theirs), rel=1e-2)
    assert largest_difference(ours, theirs) < 0.05


def test_it_translates_as_on_the_cpu(trainings):
    ours, theirs = (trainings[f"growing, translations{where}"] for where in ("", " on the CPU"))
    assert len(ours) == len(theirs) == 103
    assert sum(one != other for one, other in zip(ours, theirs, strict=True)) <= 1
