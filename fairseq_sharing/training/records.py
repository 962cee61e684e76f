"""Keeps train.jsonl beside each training's log, for programs such as pandas."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..experiment.runs import Run
from .log import TrainingLog

SECONDS_BETWEEN_WRITES = 30


@contextmanager
def keeping_records(runs: list[Run]) -> Iterator[Callable[[], None]]:
    """Yields what writes the runs' records now and then; they are written once more at the end."""
    logs = {run.records: TrainingLog(run.log) for run in runs}
    next_write = 0.0

    def write() -> None:
        for path, log in logs.items():
            if log.refresh().records:
                log.save_records(path)

    def update() -> None:
        nonlocal next_write
        if time.monotonic() >= next_write:
            next_write = time.monotonic() + SECONDS_BETWEEN_WRITES
            write()

    try:
        yield update
    finally:
        write()
