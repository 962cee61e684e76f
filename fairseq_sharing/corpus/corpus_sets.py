"""Validation and test sets that are sets of a corpus, cut as the text to train on is."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import SharingError
from . import packaged_sets, wikitext
from .cleaning import Rules, kept_of
from .counts import Counts, in_words, total
from .parallel_text import Segment, Sets, Texts, key

SETS = {name: tuple(sets) for name, sets in packaged_sets.CORPORA.items()} | {
    wikitext.NAME: tuple(split for split in wikitext.SPLITS if split != "train")
}
"""The sets of each corpus."""


@dataclass(frozen=True)
class CorpusSet:
    """A set of a corpus, such as "debian:gnome-help" or "wikitext-103:test"."""

    corpus: str
    name: str

    @classmethod
    def of(cls, origin: str) -> "CorpusSet | None":
        """The set that an origin names, if it names one of a corpus."""
        corpus, _, name = origin.partition(":")
        if corpus not in SETS:
            return None
        if name not in SETS[corpus]:
            raise SharingError(
                f"a set's origin = '{origin}': {corpus} has {', '.join(SETS[corpus])}"
            )
        return cls(corpus, name)

    def check(self, languages: tuple[str, str]) -> None:
        """Raise SharingError if the set is known not to be in these languages."""
        if self.corpus == wikitext.NAME:
            wikitext.check_languages(languages)
        else:
            packaged_sets.check_languages(self.name, languages)

    def read(
        self, languages: tuple[str, str], folder: Path, rules: Rules | None, most: int | None
    ) -> Texts:
        """The segments that the rules keep, each source text once, and the corpus's files.

        If there are more than most, as many, out of documents that a hash of their names chooses.
        Without rules, the set as it is. Packages go into folder.
        """
        sets, files = self._open(languages, folder)
        counts: Counts = {}
        segments = list(kept_of(sets, rules, folder, counts))
        if rules is not None:
            segments = self._different(segments, most, counts)
        return Texts(
            [segment.source for segment in segments],
            [segment.target for segment in segments],
            files,
            [segment.document or segment.source for segment in segments],
        )

    def _open(self, languages: tuple[str, str], folder: Path) -> tuple[Sets, list[Path]]:
        if self.corpus == wikitext.NAME:
            segments, files = wikitext.WikiText().read(self.name)
            return {f"{self.corpus}:{self.name}": segments}, files
        return packaged_sets.read_sets(self.corpus, (self.name,), languages, folder / "packages")

    def _different(
        self, segments: list[Segment], most: int | None, counts: Counts
    ) -> list[Segment]:
        different: dict[str, Segment] = {}
        for segment in segments:
            different.setdefault(key(segment.source), segment)
        if len(different) < (most or 1):
            raise SharingError(
                f"origin = '{self.corpus}:{self.name}' has {len(different)} usable segments "
                f"(different sources): fewer than segments = {most or 1}; "
                + in_words(total(counts), "segments")
            )
        return sorted(different.values(), key=_rank)[:most]


def _rank(segment: Segment) -> str:
    name = segment.source if segment.document is None else segment.document
    return hashlib.sha256(name.encode()).hexdigest()
