"""A line now and then on how far a long step is."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30
ITEMS_BETWEEN_LOOKS = 1000


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """The items; prints how many of what they are so far, each half minute."""
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if number % ITEMS_BETWEEN_LOOKS == 0 and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"prepare: {number:,} {what} so far", flush=True)
