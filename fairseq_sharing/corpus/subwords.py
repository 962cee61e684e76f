"""The steps of a preparation that cut text into subwords: their vocabulary, and the encoding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..experiment.kinds import TRANSLATION
from ..experiment.positions import Positions, common_positions
from . import moses_bpe, sentencepieces, whole_words
from .counts import TOO_LONG
from .lengths import drop_longer, refuse_longer
from .manifest import Done, Step
from .texts import TRAIN, Corpus

SEGMENTATIONS: dict[str, Any] = {
    "sentencepiece": sentencepieces,
    "bpe": moses_bpe,
    "words": whole_words,
}


@dataclass(frozen=True)
class Subwords:
    """The text of an experiment in subwords, of lengths that every system takes."""

    corpus: Corpus

    @property
    def segmentation(self) -> Any:
        """The module that learns and cuts."""
        return SEGMENTATIONS[self.corpus.experiment.data.segmentation]

    @property
    def model(self) -> Path:
        return self.corpus.run_folder / self.segmentation.MODEL

    @property
    def files(self) -> tuple[Path, ...]:
        """The sides of each part that models read, training text first."""
        texts = self.corpus.files(self.corpus.parts)
        return tuple(self.model.parent / text.name for text in texts)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of both steps, on which later steps depend too."""
        data = self.corpus.experiment.data
        kind = self.corpus.experiment.kind
        other = {} if kind == TRANSLATION.name else {"kind": kind}
        return {"segmentation": data.segmentation, "parts": self.corpus.parts, **other}

    def steps(self) -> list[Step]:
        """First the vocabulary, then the encoding."""
        data = self.corpus.experiment.data
        vocabulary: dict[str, Any] = {"vocabulary": data.vocabulary}
        if data.character_coverage is not None:
            vocabulary["character_coverage"] = data.character_coverage
        rule = sentencepieces.normalization_for(self.corpus.experiment.read_languages[-1])
        if self.segmentation is sentencepieces and rule != sentencepieces.NORMALIZATION:
            vocabulary["normalization"] = rule
        positions = common_positions(self.corpus.experiment)
        limits = {} if positions == Positions() else {"positions": positions}
        return [
            Step("vocabulary", self.settings | vocabulary, (self.model,), self._learn),
            Step("encoding", self.settings | limits, self.files, self._encode),
        ]

    def _learn(self) -> Done:
        texts = self.corpus.files([TRAIN])
        data = self.corpus.experiment.data
        self.segmentation.learn(texts, data, self.model)
        return Done(texts, {"vocabulary": data.vocabulary})

    def _encode(self) -> Done:
        """Encode all text; training pairs that are too long are dropped, other segments refused."""
        texts = self.corpus.files(self.corpus.parts)
        subwords = {
            text.name: self.segmentation.encode(text, text.suffix[1:], self.model, output)
            for text, output in zip(texts, self.files, strict=True)
        }
        counts: dict[str, Any] = {"subwords": subwords}
        if self.corpus.experiment.models.translates:  # else text is cut into blocks
            counts |= self._without_longer(subwords, texts)
        return Done([self.model, *texts], counts)

    def _without_longer(self, subwords: dict[str, int], texts: Sequence[Path]) -> dict[str, int]:
        """Drop training pairs that are too long, and their subwords; how many those are, if any."""
        positions = common_positions(self.corpus.experiment)
        dropped, without = drop_longer(self.files[:2], positions)
        for side in range(2, len(self.files), 2):
            refuse_longer(self.files[side : side + 2], positions)
        for text, number in zip(texts[:2], without, strict=True):
            subwords[text.name] -= number
        return {TOO_LONG: dropped} if dropped else {}
