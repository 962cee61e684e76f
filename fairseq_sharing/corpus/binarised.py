"""Lengths of the segments in fairseq's binary data, checked against the options of a command."""

from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data.data_utils import load_indexed_dataset

from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.positions import Positions
from .lengths import too_long

END = 1
"""The symbol at the end of each sentence, which fairseq counts."""


def path_of(data: Path, subset: str, languages: tuple[str, str], language: str) -> Path:
    """One side of a subset as fairseq stores it, without .bin or .idx."""
    return data / f"{subset}.{'-'.join(languages)}.{language}"


def paths_of(data: Path, subset: str, experiment: Experiment) -> list[Path]:
    """What fairseq stores of a subset, without .bin or .idx: both sides, or a language model's."""
    if not experiment.models.translates:
        return [data / subset]
    languages = (experiment.languages.source, experiment.languages.target)
    return [path_of(data, subset, languages, language) for language in languages]


def lengths_of(data: Path, subset: str, languages: tuple[str, str]) -> Any:
    """Tokens of every segment and its translation, ends included: an array of shape (2, n)."""
    return np.stack([sizes_of(path_of(data, subset, languages, each)) for each in languages])


def sizes_of(path: Path) -> Any:
    """The sizes of a data set, copied: fairseq's array is a memory map that is closed with it."""
    dataset = load_indexed_dataset(str(path), None)
    return np.array(dataset.sizes)


def number_too_long(lengths: Any, positions: Positions) -> int:
    """How many of the pairs are too long on a side, which fairseq-train leaves out."""
    return int(_too_long(lengths, positions).sum())


def refuse_too_long(part: str, lengths: Any, positions: Positions) -> None:
    """Raise SharingError, naming the first, if segments of a set are too long on a side."""
    numbers = np.flatnonzero(_too_long(lengths, positions))
    if len(numbers):
        subwords = [int(length) - END for length in lengths[:, numbers[0]]]
        raise too_long(part, int(numbers[0]) + 1, subwords, positions)


def refuse_small_batches(
    name: str, part: str, lengths: Any, positions: Positions, option: str, most: int | None
) -> None:
    """Raise SharingError if a batch of most tokens cannot hold the longest segment that is taken.

    name is what the command is for, option where it has most from.
    """
    taken = lengths[:, ~_too_long(lengths, positions)]
    longest = int(taken.max(initial=0))
    if most and longest > most:
        number = int(np.argmax(lengths.max(0) == longest)) + 1
        raise SharingError(
            f"{name}: {option} = {most} is less than the {longest:,} tokens of {part}, segment "
            f"{number}, which fairseq takes whole: give at least {longest}, or prepare shorter "
            "text ([data] max_words, [train] max-source-positions and max-target-positions)"
        )


def _too_long(lengths: Any, positions: Positions) -> Any:
    return (lengths > np.array([positions]).T).any(0)
