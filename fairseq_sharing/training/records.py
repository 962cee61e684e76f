"""Keeps train.jsonl beside each training's log, for programs such as pandas."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..experiment.runs import Run
from .log import TrainingLog

SECONDS_BETWEEN_WRITES = 30


@contextmanager
def keeping_records(trainings: list[tuple[Run, TrainingLog]]) -> Iterator[Callable[[], None]]:
    """Yields a function that writes the runs' records now and then; writes them at the end, too."""
    next_write = 0.0

    def write() -> None:
        for run, log in trainings:
            if log.refresh().records:
                log.save_records(run.records)

    def update() -> None:
        nonlocal next_write
        if time.monotonic() >= next_write:
            next_write = time.monotonic() + SECONDS_BETWEEN_WRITES
            write()

    try:
        yield update
    finally:
        write()
