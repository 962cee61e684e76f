"""What an experiment is: data, systems and hyper-parameters, each said once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SharingError

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Languages:
    """The pair of languages, as codes that fairseq uses for file names."""

    source: str
    target: str


@dataclass(frozen=True)
class Data:
    """What is read and how it is cut: lengths in words, sizes in segments and pieces."""

    corpus: str
    max_words: int
    valid_segments: int
    test_segments: int
    vocabulary: int


@dataclass(frozen=True)
class System:
    """A model: which layers share, and the fairseq-train options that are its own."""

    name: str
    strategy: str
    layers: int
    unique_layers: int | None = None
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A comparison: systems trained, decoded and scored alike on the same data."""

    name: str
    languages: Languages
    data: Data
    train: Options
    generate: Options
    systems: tuple[System, ...]
    baseline: str
    seeds: tuple[int, ...]

    def select(self, names: list[str] | None) -> "Experiment":
        """Only the named systems, in the experiment's order; all of them by default."""
        if names is None:
            return self
        known = [system.name for system in self.systems]
        for name in names:
            if name not in known:
                raise SharingError(f"--systems {name}: {self.name} has {', '.join(known)}")
        chosen = tuple(system for system in self.systems if system.name in names)
        return dataclasses.replace(self, systems=chosen)


def to_flags(options: Options) -> list[str]:
    """Options as fairseq's commands take them: true is a flag alone, false is left out."""
    flags = []
    for name, value in options.items():
        if value is not False:
            flags.append(f"--{name}")
            flags += [] if value is True else [str(value)]
    return flags
