"""Progress of long steps: a line now and then."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30
ITEMS_BETWEEN_LOOKS = 1000


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items; every half minute print how many there were so far."""
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if number % ITEMS_BETWEEN_LOOKS == 0 and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"prepare: {number:,} {what} so far", flush=True)
