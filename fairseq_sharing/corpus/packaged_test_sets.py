"""Validation and test sets that are sets of a packaged corpus, cut as the text to train on is."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import SharingError
from .cleaning import Rules, clean
from .counts import Counts, in_words, total
from .packaged_sets import CORPORA, read_sets
from .parallel_text import Segment, Texts, key


@dataclass(frozen=True)
class PackagedSet:
    """A set of a packaged corpus, such as "debian:gnome-help"."""

    corpus: str
    name: str

    @classmethod
    def of(cls, origin: str) -> "PackagedSet | None":
        """The set that an origin names, if it names one of a packaged corpus."""
        corpus, _, name = origin.partition(":")
        if corpus not in CORPORA:
            return None
        if name not in CORPORA[corpus]:
            raise SharingError(
                f"a set's origin = '{origin}': {corpus} has {', '.join(CORPORA[corpus])}"
            )
        return cls(corpus, name)

    def read(
        self, languages: tuple[str, str], folder: Path, rules: Rules, most: int | None
    ) -> Texts:
        """The segments that the rules keep, each source text once, and the packages' files.

        If there are more than most, as many, out of documents that a hash of their names chooses.
        Packages go into folder.
        """
        sets, files = read_sets(self.corpus, (self.name,), languages, folder / "packages")
        different: dict[str, Segment] = {}
        counts: Counts = {}
        for segment in clean(sets, rules, folder, counts):
            different.setdefault(key(segment.source), segment)
        if len(different) < (most or 1):
            raise SharingError(
                f"origin = '{self.corpus}:{self.name}' has {len(different)} usable segments "
                f"(different sources): fewer than segments = {most or 1}; "
                + in_words(total(counts))
            )
        segments = sorted(different.values(), key=_rank)[:most]
        return Texts([s.source for s in segments], [s.target for s in segments], files)


def _rank(segment: Segment) -> str:
    name = segment.source if segment.document is None else segment.document
    return hashlib.sha256(name.encode()).hexdigest()
