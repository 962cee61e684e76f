"""Experiments as TOML files: data, systems and hyper-parameters, each said once."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..strategies import STRATEGIES

Options = Mapping[str, Any]
TYPES: dict[Any, type] = {str: str, int: int, int | None: int, Options: dict}


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
    """A comparison: systems trained and scored alike on the same data."""

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
            _check(name in known, f"--systems {name}: {self.name} has {', '.join(known)}")
        chosen = tuple(system for system in self.systems if system.name in names)
        return dataclasses.replace(self, systems=chosen)


def load(path: Path, *, quick: bool = False) -> Experiment:
    """Read an experiment; quick lays its [quick] table over the rest and renames it NAME-quick.

    A path without .toml works too. Missing and unknown keys, and values of the wrong type, are
    errors that name the file and the key.
    """
    path = path if path.suffix == ".toml" else path.with_name(path.name + ".toml")
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SharingError(f"cannot read experiment {path}: {error.strerror}") from None
    except ValueError as error:
        raise SharingError(f"{path} is not a TOML file: {error}") from None
    overrides = tables.pop("quick", None)
    if quick:
        _check(overrides is not None, f"--quick: {path} has no [quick] table")
        tables = _merge(tables, overrides)
    try:
        return _experiment(path.stem + ("-quick" if quick else ""), tables)
    except SharingError as error:
        raise SharingError(f"{path}: {error}") from None


def to_flags(options: Options) -> list[str]:
    """Options as fairseq's commands take them: true is a flag alone, false is left out."""
    flags = []
    for name, value in options.items():
        if value is not False:
            flags.append(f"--{name}")
            flags += [] if value is True else [str(value)]
    return flags


def _experiment(name: str, tables: dict[str, Any]) -> Experiment:
    known = {field.name for field in dataclasses.fields(Experiment)} - {"name"}
    _check_keys("top level", tables, known, known)
    systems = tuple(
        _build(System, f"systems, {number}", table)
        for number, table in enumerate(tables["systems"], 1)
    )
    names = [system.name for system in systems]
    _check(len(set(names)) == len(names), f"two systems have the same name: {', '.join(names)}")
    for system in systems:
        _check(
            system.strategy in STRATEGIES,
            f"system {system.name}: unknown strategy '{system.strategy}'; "
            f"choose from {', '.join(STRATEGIES)}",
        )
    baseline = tables["baseline"]
    _check(baseline in names, f"baseline '{baseline}' is no system; there are {', '.join(names)}")
    return Experiment(
        name=name,
        languages=_build(Languages, "languages", tables["languages"]),
        data=_build(Data, "data", tables["data"]),
        train=tables["train"],
        generate=tables["generate"],
        systems=systems,
        baseline=baseline,
        seeds=tuple(tables["seeds"]),
    )


def _build(kind: type[Any], where: str, table: dict[str, Any]) -> Any:
    """A dataclass from a TOML table of exactly its fields, those with a default being optional."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    required = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    _check_keys(f"[{where}]", table, set(fields), required)
    for key, value in table.items():
        expected = TYPES[fields[key].type]
        _check(
            isinstance(value, expected),
            f"[{where}] {key} = {value!r} must be a {expected.__name__}",
        )
    return kind(**table)


def _check_keys(where: str, table: dict[str, Any], known: set[str], required: set[str]) -> None:
    for key in sorted(table.keys() - known):
        raise SharingError(f"{where}: unknown key '{key}'; choose from {', '.join(sorted(known))}")
    for key in sorted(required - table.keys()):
        raise SharingError(f"{where}: '{key}' is missing")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise SharingError(message)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Over laid on base, table by table."""
    both = {
        key: _merge(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict)
    }
    return base | over | both
