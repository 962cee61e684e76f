"""Lengths of a language model's samples, checked against what its model and its batches take."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SharingError
from ..experiment.experiment import Options
from ..experiment.positions import DEFAULT

BLOCKS = "none"
"""The mode in which a text is cut into blocks of tokens wherever lines end; others keep lines."""


@dataclass(frozen=True)
class Samples:
    """How fairseq makes samples of a text: of so many ``tokens``, by a ``--sample-break-mode``.

    ``most`` is how many tokens the model takes.
    """

    tokens: int
    mode: str
    most: int

    @classmethod
    def of(cls, trained: Options, own: Options) -> "Samples":
        """Those of a command with its ``own`` options, for a model ``trained`` with others.

        Both are options that fairseq takes, in which a number may be a string.
        """
        mode = str(own.get("sample-break-mode") or BLOCKS)
        tokens = trained.get("tokens-per-sample", DEFAULT)
        most = int(trained.get("max-target-positions", tokens))
        return cls(int(own.get("tokens-per-sample", DEFAULT)), mode, most)

    def too_long(self, sizes: Any) -> Any:
        """The numbers, from 0, of the lines that make a sample of more tokens than the model takes.

        ``sizes`` are the tokens of each line, its end included, (L,).
        """
        return np.flatnonzero(sizes > self.most if self.mode != BLOCKS else [])

    def longest(self, sizes: Any) -> int:
        """The least number of tokens that the longest sample has."""
        if self.mode != BLOCKS:
            return int(sizes[sizes <= self.most].max(initial=0))
        return min(self.tokens, int(sizes.sum()))

    def refuse_too_long(self, part: str, sizes: Any) -> None:
        """Raise SharingError, naming the first, if lines of a set are too long."""
        for number in self.too_long(sizes)[:1]:
            raise SharingError(
                f"{part}, line {number + 1} has {sizes[number]:,} tokens, its end included: more "
                f"than the model takes ({self.most}, by [train] tokens-per-sample or "
                f"max-target-positions), and sample-break-mode = {self.mode} keeps it whole; give "
                f"at least {sizes.max()}, lower [data] max_words, or leave sample-break-mode out"
            )

    def refuse_small_batches(
        self, name: str, part: str, sizes: Any, option: str, most: int | None
    ) -> None:
        """Raise SharingError if a batch of ``most`` tokens cannot hold the longest sample.

        ``name`` is what the command is for, ``option`` where it has ``most`` from.
        """
        longest = self.longest(sizes)
        if most and longest > most:
            raise SharingError(
                f"{name}: {option} = {most} is less than the {longest:,} tokens of a sample of "
                f"{part}, which fairseq takes whole: give at least {longest}, or fewer "
                "tokens-per-sample"
            )
