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
from .manifest import Done
from .packaged_test_sets import PackagedSet
from .parallel_text import Texts
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
            if PackagedSet.of(origin) is not None:
                continue
            if name in self.sizes:
                raise SharingError(
                    f"test set '{name}': '{origin}' is used whole: take its segments away"
                )
            check_origin(origin, self.languages)

    def settings(self) -> dict[str, Any]:
        """What the step depends on: rules, too, if sets of a packaged corpus are among them."""
        settings: dict[str, Any] = {"origins": self.origins, "languages": list(self.languages)}
        if any(map(PackagedSet.of, self.origins.values())):
            data = self.experiment.data
            settings["max_words"] = data.max_words
            settings["max_ratio"] = data.max_ratio
            settings["identify_languages"] = data.identify_languages
            settings["sizes"] = self.sizes
        return settings

    def write(self, files: Mapping[str, tuple[Path, ...]]) -> Done:
        """Write both sides of each set.

        Sets of a packaged corpus are cut as the training text is; those of a library stay as they
        are, so that they are scored on the original text.
        """
        inputs: list[Path] = []
        segments = {}
        for name in self.origins:
            texts = self._read(name, files[name][0].parent)
            for file, lines in zip(files[name], texts[:2], strict=True):
                write_lines(file, lines)
            inputs += texts.files
            segments[name] = len(texts.sources)
        return Done(inputs, segments)

    def _read(self, name: str, folder: Path) -> Texts:
        origin = self.origins[name]
        packaged = PackagedSet.of(origin)
        if packaged is None:
            return read_test_set(origin, self.languages)
        rules = rules_of(self.experiment)
        return packaged.read(self.languages, folder, rules, self.sizes.get(name))


def rules_of(experiment: Experiment, held_out: frozenset[str] = frozenset()) -> Rules:
    """What is kept of the experiment's text, without sources of these keys."""
    data = experiment.data
    identified = experiment.languages.pair if data.identify_languages else None
    parallel = experiment.models.translates
    return Rules(data.max_words, data.max_ratio, identified, held_out, parallel)
