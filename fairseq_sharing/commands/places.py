"""Where commands run side by side: each on GPUs of its own, or on a share of the CPU's cores."""

import os

import torch

from ..errors import SharingError
from .devices import Devices
from .jobs import ALONE, THREADS, Place


def places(gpus: list[str], cores: int, each: int = 1, jobs: int | None = None) -> list[Place]:
    """Where commands of ``each`` devices run at the same time.

    ``jobs`` is how many share each GPU (default: 1), or on a machine without GPUs how many run in
    all (default: one for each ``each`` cores). Each has an equal share of the cores for its
    threads. The first places are on different GPUs.
    """
    if gpus:
        ends = range(each, len(gpus) + 1, each)
        own = [{"CUDA_VISIBLE_DEVICES": ",".join(gpus[end - each : end])} for end in ends]
        found = own * (jobs or 1)
    else:
        found = ALONE * (jobs or max(1, cores // each))
    threads = max(1, cores // (len(found) * each))
    return [{**place, THREADS: str(threads)} for place in found]


def places_here(each: int = 1, jobs: int | None = None) -> list[Place]:
    """Those of this machine, on the GPUs and the cores that this process may use.

    OMP_NUM_THREADS, where it is set, takes the place of each one's share of the cores.
    """
    asked = {THREADS: threads} if (threads := os.environ.get(THREADS)) else {}
    return [place | asked for place in places(visible_gpus(), usable_cores(), each, jobs)]


def training_places(devices: Devices, jobs: int | None = None) -> list[Place]:
    """Where trainings on ``devices`` run at the same time.

    Several machines, and processes of a launcher, train one system at a time; SharingError is
    raised if ``jobs`` asks for more.
    """
    if devices.nodes == 1 and not devices.started:
        return places_here(devices.per_node, jobs)
    if jobs:
        raise SharingError(
            f"--jobs {jobs}: several machines, and processes that a launcher started, train one "
            "system at a time; leave it out"
        )
    return ALONE


def usable_cores() -> int:
    """The number of cores that this process may use; on macOS, which does not say, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (chosen.split(",") if chosen else [str(number) for number in range(count)])[:count]
