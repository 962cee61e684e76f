"""The text of an experiment: where it comes from, its parts, and the files they lie in."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..experiment.bleu import bleu_of
from ..experiment.experiment import Experiment
from ..files import sha256
from .identification import require_identification
from .named_sets import VALID, NamedSets
from .sources import check_corpus, open_files

TRAIN = "train"


@dataclass(frozen=True)
class Corpus:
    """The text of an experiment in its run folder, from its corpus or the user's own files."""

    experiment: Experiment
    run_folder: Path
    own_text: tuple[Path, ...] | None

    @property
    def folder(self) -> Path:
        return self.run_folder / "corpus"

    @property
    def languages(self) -> tuple[str, str]:
        return self.named_sets.languages

    @cached_property
    def text(self) -> str | list[str]:
        """The training text as it is recorded: a corpus, or checksums of the user's own files."""
        if self.own_text is None:
            return self.experiment.data.corpus
        open_files(*self.own_text)
        return [sha256(path) for path in self.own_text]

    @cached_property
    def named_sets(self) -> NamedSets:
        """The sets that are not held out of the corpus."""
        return NamedSets(self.experiment)

    @property
    def named(self) -> dict[str, str]:
        """The origin of each of them."""
        return self.named_sets.origins

    @property
    def parts(self) -> list[str]:
        """Training text, validation set and test sets."""
        return [TRAIN, VALID, *(test_set.name for test_set in self.experiment.test_sets)]

    def files(self, parts: Iterable[str]) -> tuple[Path, ...]:
        """The sides of each part that models read: both, or a language model's."""
        read = self.experiment.read_languages
        return tuple(self.folder / f"{part}.{language}" for part in parts for language in read)

    def documents(self, parts: Iterable[str]) -> tuple[Path, ...]:
        """The names of the documents of each part's segments, a line each: a language model's."""
        if self.experiment.models.translates:
            return ()
        return tuple(self.folder / f"{part}.documents" for part in parts)

    def check(self) -> None:
        """Raise SharingError for an unknown corpus, set or language, or a tokeniser of BLEU.

        Fetches nothing but what that tokeniser needs.
        """
        data = self.experiment.data
        if self.experiment.models.translates:
            bleu_of(self.experiment)
        if self.own_text is None:
            check_corpus(data.corpus, data.sets, self.languages, verbatim=data.verbatim)
        if data.identify_languages:
            require_identification(self.languages)
        self.named_sets.check()

    @property
    def held_out(self) -> dict[str, int]:
        """The segments of each set that is held out of the corpus."""
        data = self.experiment.data
        sizes = dict.fromkeys(self.parts[2:], data.test_segments or 0)
        sizes[VALID] = data.valid_segments or 0
        return {part: size for part, size in sizes.items() if part not in self.named}
