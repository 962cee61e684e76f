"""Pairs of systems, segment by segment: where their translations differ most."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from sacrebleu.metrics import CHRF

from ..corpus.words import length_in_words, words_of
from ..progress import in_turn
from .rows import Row
from .summary import Report

SHOWN, IN_ALL = 50, 1000
"""The most segments that are shown of a pair, and of all pairs together."""

LEAST_WORDS = 4
"""In the reference: a single word is right or wrong, which says little."""

Phrase = tuple[str, bool]
"""Words with the white space after them, and whether the other text lacks them."""


@dataclass(frozen=True)
class Translation:
    """A system's hypothesis in phrases that tell whether the other lacks them, and its chrF."""

    phrases: list[Phrase]
    chrf: float


@dataclass(frozen=True)
class Sentence:
    """A segment, and what the two systems of a pair make of it."""

    name: str
    source: str
    reference: str
    first: Translation
    second: Translation


@dataclass(frozen=True)
class Pair:
    """Two systems: how many segments each is better at by chrF, and the most different ones."""

    first: str
    second: str
    first_better: int
    second_better: int
    sentences: list[Sentence]

    @property
    def name(self) -> str:
        return f"{self.first} and {self.second}"


def pairs_of(report: Report) -> list[Pair]:
    """All pairs of systems, the baseline with the best of the others first."""
    metric = CHRF()
    scores = {
        row.label: [
            metric.sentence_score(hypothesis, [reference]).score
            for hypothesis, reference in zip(row.first.translations, report.references, strict=True)
        ]
        for row in in_turn(report.rows, "chrF of each segment, systems")
    }
    ends = {report.baseline, report.best.label}
    pairs = sorted(combinations(report.rows, 2), key=lambda pair: not _are(pair, ends))
    shown = max(1, min(SHOWN, IN_ALL // max(1, len(pairs))))
    return [_pair(report, first, second, scores, shown) for first, second in pairs]


def _are(pair: tuple[Row, Row], labels: set[str]) -> bool:
    return {row.label for row in pair} == labels


def _pair(
    report: Report, first: Row, second: Row, scores: dict[str, list[float]], shown: int
) -> Pair:
    names = [
        f"{name}, segment {number}"
        for name, score in first.first.scores.items()
        for number in range(1, score.segments + 1)
    ]
    gains = [a - b for a, b in zip(scores[first.label], scores[second.label], strict=True)]
    long = [n for n, text in enumerate(report.references) if length_in_words(text) >= LEAST_WORDS]
    by_difference = sorted(long, key=lambda number: -abs(gains[number]))
    sentences = []
    for number in by_difference[:shown]:
        texts = first.first.translations[number], second.first.translations[number]
        one, other = marked(*texts)
        sentences.append(
            Sentence(
                name=names[number],
                source=report.sources[number],
                reference=report.references[number],
                first=Translation(one, scores[first.label][number]),
                second=Translation(other, scores[second.label][number]),
            )
        )
    better = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return Pair(first.label, second.label, *better, sentences)


def marked(one: str, other: str) -> tuple[list[Phrase], list[Phrase]]:
    """Both texts as phrases in order; those that are true are not in the other text.

    Texts without spaces between words are compared character by character.

    >>> marked("a big house", "a house")
    ([('a ', False), ('big ', True), ('house', False)], [('a ', False), ('house', False)])
    """
    texts = one, other
    words = words_of(one), words_of(other)
    first, second = (
        [text[slice(*w)] for w in spans] for text, spans in zip(texts, words, strict=True)
    )
    phrases: tuple[list[Phrase], list[Phrase]] = [], []
    for tag, *bounds in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        for side, (begin, end) in enumerate((bounds[:2], bounds[2:])):
            if begin < end:
                spans, text = words[side], texts[side]
                after = spans[end][0] if end < len(spans) else len(text)
                phrases[side].append((text[spans[begin][0] : after], tag != "equal"))
    return phrases
