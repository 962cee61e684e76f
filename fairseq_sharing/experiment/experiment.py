"""What an experiment is: data, systems and hyper-parameters, each said once."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import SharingError
from .kinds import TRANSLATION, Kind, kind_of
from .system import Options, System


@dataclass(frozen=True)
class Languages:
    """The pair of languages, as codes that fairseq uses for file names.

    A language model is of the source alone. With a target, its text is the source side of parallel
    text, else all text that there is in the language.
    """

    source: str
    target: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Of the text that is read: twice the same where there is no target."""
        return self.source, self.target or self.source


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is read and how it is cut: lengths in words, sizes in segments and subwords.

    sets names what is taken from the corpus, all of it by default. Validation and test segments
    are held out from it by number, or valid_set and the experiment's test sets say where they are.
    held_out_sets are those of the sets that they are held out from, by default all.
    max_ratio is the most words of one side for a word of the other. character_coverage is the part
    of the text's characters that SentencePiece gives a piece, by default all. With verbatim, text
    is taken as it is: every line, the empty ones too, and there is no max_words.
    """

    corpus: str
    max_words: int | None = None
    vocabulary: int
    valid_segments: int | None = None
    test_segments: int | None = None
    sets: tuple[str, ...] = ()
    valid_set: str | None = None
    max_ratio: float | None = None
    identify_languages: bool = False
    segmentation: str = "sentencepiece"
    held_out_sets: tuple[str, ...] = ()
    character_coverage: float | None = None
    verbatim: bool = False


@dataclass(frozen=True)
class TestSet:
    """A test set: segments held out from the corpus, or those of ``origin``.

    options are those of fairseq-generate, or fairseq-eval-lm, that are its own. segments is how
    many are taken of an origin that is cleaned as the training text is, by default all.
    """

    name: str
    origin: str | None = None
    options: Options = field(default_factory=dict)
    segments: int | None = None


@dataclass(frozen=True)
class Experiment:
    """A comparison: systems trained, decoded and scored alike on the same data.

    batch_tokens is the size of an update on all devices together, in tokens of the longer side;
    [train] max-tokens is the part that one device takes at a time. average_epochs is how many of
    the last epochs' checkpoints are averaged for decoding; without it the best one is decoded.
    bleu_tokenizer is one of sacreBLEU's; without it sacreBLEU chooses for the target language.
    kind is a key of KINDS: a language model is trained on the source side of the corpus.
    """

    name: str
    languages: Languages
    data: Data
    train: Options
    generate: Options
    systems: tuple[System, ...]
    baseline: str
    seeds: tuple[int, ...]
    test_sets: tuple[TestSet, ...] = (TestSet("test"),)
    batch_tokens: int | None = None
    average_epochs: int | None = None
    bleu_tokenizer: str | None = None
    kind: str = TRANSLATION.name

    @property
    def models(self) -> Kind:
        """What its models are."""
        return kind_of(self.kind)

    @property
    def read_languages(self) -> tuple[str, ...]:
        """The languages whose text its models read: both, or that of a language model."""
        return self.languages.pair if self.models.translates else (self.languages.source,)

    def select(self, names: list[str] | None, seeds: list[int] | None = None) -> "Experiment":
        """Only these systems and seeds, in the experiment's order; all of them by default."""
        systems = _chosen(self.systems, names, "--systems", self.name, lambda system: system.name)
        return dataclasses.replace(
            self, systems=systems, seeds=_chosen(self.seeds, seeds, "--seeds", self.name)
        )


def _chosen(
    all_of_them: tuple[Any, ...],
    wanted: list[Any] | None,
    option: str,
    experiment: str,
    key: Callable[[Any], Any] = lambda value: value,
) -> tuple[Any, ...]:
    known = [key(value) for value in all_of_them]
    for one in wanted or ():
        if one not in known:
            raise SharingError(f"{option} {one}: {experiment} has {', '.join(map(str, known))}")
    return tuple(value for value in all_of_them if wanted is None or key(value) in wanted)


def settings_of(part: Any) -> dict[str, Any]:
    """A part of an experiment as it is recorded: the fields that are not at their defaults."""
    return {
        f.name: getattr(part, f.name)
        for f in dataclasses.fields(part)
        if f.default is dataclasses.MISSING or getattr(part, f.name) != f.default
    }


def to_flags(options: Options) -> list[str]:
    """Options as fairseq's commands take them: true is a flag alone, false is left out."""
    flags = []
    for name, value in options.items():
        if value is not False:
            flags.append(f"--{name}")
            flags += [] if value is True else [str(value)]
    return flags
