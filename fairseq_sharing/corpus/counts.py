"""The counts of cleaning for each set, and the line that reports them."""

from collections import Counter
from collections.abc import Mapping

Counts = dict[str, Counter[str]]
"""Of each set: what is read, what is kept, and what is dropped, by reason."""

TOO_LONG = "longer than positions"
"""The key in a manifest for training pairs with more subwords than models take."""


def total(counts: Counts) -> Counter[str]:
    """Of all sets together."""
    return sum(counts.values(), Counter[str]())


def in_words(counts: Mapping[str, int], unit: str = "pairs") -> str:
    """What is read, kept and dropped, in a unit, the commonest reason first.

    >>> in_words({"read": 1300, "kept": 1290, "empty": 3, "too long": 7})
    'read 1,300 pairs, kept 1,290; dropped 7 too long, 3 empty'
    """
    reasons = Counter({name: n for name, n in counts.items() if name not in ("read", "kept")})
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
    said = f"read {counts.get('read', 0):,} {unit}, kept {counts.get('kept', 0):,}"
    return f"{said}; dropped {dropped or 'none'}"


def too_long_in_words(number: int) -> str:
    """The line on what encoding dropped."""
    return (
        f"dropped {number:,} of the training pairs for having more subwords than "
        "max-source-positions or max-target-positions"
    )
