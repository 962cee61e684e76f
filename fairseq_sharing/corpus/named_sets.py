"""The step of a preparation that writes the validation and test sets that have an origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..files import write_lines
from .cleaning import Rules
from .corpus_sets import SETS, CorpusSet
from .manifest import Done
from .parallel_text import Texts
from .sources import require_lines
from .test_sets import check_origin, read_test_set

VALID = "valid"


@dataclass(frozen=True)
class NamedSets:
    """The sets of an experiment that are not held out of its corpus."""

    experiment: Experiment

    @property
    def languages(self) -> tuple[str, str]:
        return self.experiment.languages.pair

    @cached_property
    def origins(self) -> dict[str, str]:
        """The origin of each set, by its name."""
        sets = {VALID: self.experiment.data.valid_set}
        for test_set in self.experiment.test_sets:
            sets[test_set.name] = test_set.origin
        return {name: origin for name, origin in sets.items() if origin is not None}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The number of segments to take of a set, where one is given."""
        return {t.name: t.segments for t in self.experiment.test_sets if t.segments is not None}

    def check(self) -> None:
        """Raise SharingError for an unknown origin; fetches nothing."""
        for name, origin in self.origins.items():
            of_corpus = CorpusSet.of(origin)
            if of_corpus is not None:
                of_corpus.check(self.languages)
                if self.experiment.data.verbatim:
                    require_lines(of_corpus.corpus)
                continue
            if not self.experiment.models.translates:
                choices = " or ".join(f"{corpus}:NAME" for corpus in SETS)
                raise SharingError(
                    f"a set's origin = '{origin}': those of language models are {choices}"
                )
            if name in self.sizes:
                raise SharingError(
                    f"test set '{name}': '{origin}' is used whole: take its segments away"
                )
            check_origin(origin, self.languages)

    def settings(self) -> dict[str, Any]:
        """What the step depends on: rules, too, if they are applied to any set."""
        data = self.experiment.data
        settings: dict[str, Any] = {"origins": self.origins, "languages": list(self.languages)}
        if data.verbatim:
            settings["verbatim"] = True
        elif any(map(CorpusSet.of, self.origins.values())):
            settings["max_words"] = data.max_words
            settings["max_ratio"] = data.max_ratio
            settings["identify_languages"] = data.identify_languages
            settings["sizes"] = self.sizes
        if not self.experiment.models.translates:
            settings["kind"] = self.experiment.kind
        return settings

    def write(
        self, files: Mapping[str, tuple[Path, ...]], documents: Mapping[str, tuple[Path, ...]]
    ) -> Done:
        """Write the sides of each set, and the documents of its segments where there is a file.

        Sets of a corpus are cut as the training text is; those of a library stay as they are, so
        that they are scored on the original text.
        """
        inputs: list[Path] = []
        segments = {}
        for name in self.origins:
            texts = self._read(name, files[name][0].parent)
            for file, lines in zip(files[name], texts[:2], strict=False):
                write_lines(file, lines)
            for file in documents[name]:
                write_lines(file, list(texts.documents))
            inputs += texts.files
            segments[name] = len(texts.sources)
        return Done(inputs, segments)

    def _read(self, name: str, folder: Path) -> Texts:
        origin = self.origins[name]
        of_corpus = CorpusSet.of(origin)
        if of_corpus is None:
            return read_test_set(origin, self.languages)
        folder.mkdir(parents=True, exist_ok=True)
        rules = rules_of(self.experiment)
        return of_corpus.read(self.languages, folder, rules, self.sizes.get(name))


def rules_of(experiment: Experiment, held_out: frozenset[str] = frozenset()) -> Rules | None:
    """What is kept of the experiment's text, without sources of these keys; None is all of it."""
    data = experiment.data
    if data.verbatim or data.max_words is None:
        return None
    identified = experiment.languages.pair if data.identify_languages else None
    parallel = experiment.models.translates
    return Rules(data.max_words, data.max_ratio, identified, held_out, parallel)
