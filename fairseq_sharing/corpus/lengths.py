"""Segments with more subwords than models take: dropped from training, named where scored on."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from ..errors import SharingError
from ..experiment.positions import OPTIONS, Positions
from .parallel_text import stream_lines
from .streams import writing

Paths = Sequence[Path]
"""Both sides of a text in subwords."""


def drop_longer(paths: Paths, positions: Positions) -> tuple[int, list[int]]:
    """Rewrite both files without the pairs that are too long on a side.

    Returns how many those are and the subwords of either side in them. Raises SharingError if
    nothing is left.
    """
    kept = dropped = 0
    subwords = [0, 0]
    for lengths in map(_lengths, _pairs(paths)):
        if fits(lengths, positions):
            kept += 1
        else:
            dropped += 1
            subwords = [a + b for a, b in zip(subwords, lengths, strict=True)]
    if not kept:
        raise SharingError(
            f"every training pair has more subwords than models take "
            f"({_options(positions)}): raise these in [train], or [data] vocabulary"
        )
    if dropped:
        with writing(*paths) as files:
            for pair in _pairs(paths):
                if fits(_lengths(pair), positions):
                    for file, line in zip(files, pair, strict=True):
                        file.write(line + "\n")
    return dropped, subwords


def refuse_longer(paths: Paths, positions: Positions) -> None:
    """Raise SharingError, naming the first, if segments are too long on a side."""
    for number, lengths in zip(count(1), map(_lengths, _pairs(paths)), strict=False):
        if not fits(lengths, positions):
            raise too_long(paths[0].stem, number, lengths, positions)


def fits(lengths: Sequence[int], positions: Positions) -> bool:
    """Whether subwords of both sides, and the ends of their sentences, have positions."""
    return all(length < most for length, most in zip(lengths, positions, strict=True))


def too_long(part: str, number: int, lengths: Sequence[int], positions: Positions) -> SharingError:
    """Names a segment of a validation or test set, by its number from 1, and what to do."""
    needed = [
        f"{option} = {length + 1}"
        for option, length, most in zip(OPTIONS, lengths, positions, strict=True)
        if length >= most
    ]
    return SharingError(
        f"{part}, segment {number} has {lengths[0]:,} subwords and its translation "
        f"{lengths[1]:,}: more than models take ({_options(positions)}, the end of the sentence "
        f"included). Give [train] {' and '.join(needed)} or more, or lower [data] max_words, or "
        f"choose another {part} set"
    )


def _options(positions: Positions) -> str:
    pairs = zip(OPTIONS, positions, strict=True)
    return " and ".join(f"{option} = {most}" for option, most in pairs)


def _pairs(paths: Paths) -> Iterator[tuple[str, ...]]:
    return zip(*map(stream_lines, paths), strict=True)


def _lengths(pair: Sequence[str]) -> list[int]:
    return [len(line.split()) for line in pair]
