"""Progress of long work: a line now and then."""

import sys
import time
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30
ITEMS_BETWEEN_LOOKS = 1000


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items of a preparation; every half minute print how many there were so far."""
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if number % ITEMS_BETWEEN_LOOKS == 0 and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"prepare: {number:,} {what} so far", flush=True)


def in_turn(items: Collection[T], what: str) -> Iterator[T]:
    """Yield a few items that take long; say on standard error which one it is, if they do."""
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"{what}: {number} of {len(items)}", file=sys.stderr, flush=True)
        yield item
