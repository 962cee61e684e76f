"""Reads experiments from TOML files and checks all that can be known before any work is done."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..strategies import layer_map
from .experiment import Data, Experiment, Languages, Options, System, TestSet

Table = dict[str, Any]

SEGMENTATIONS = ("sentencepiece", "bpe")

TYPES: dict[Any, tuple[type, str]] = {
    str: (str, "a string"),
    int: (int, "a whole number"),
    int | None: (int, "a whole number"),
    str | None: (str, "a string"),
    bool: (bool, "true or false"),
    float | None: (float, "a number with a point"),
    tuple[int, ...]: (list, "a list of whole numbers"),
    tuple[str, ...]: (list, "a list of strings"),
    tuple[TestSet, ...]: (list, "a list of tables, each headed [[test_sets]]"),
    tuple[System, ...]: (list, "a list of tables, each headed [[systems]]"),
    Options: (dict, "a table"),
    Languages: (dict, "a table"),
    Data: (dict, "a table"),
}


def load(path: Path, *, quick: bool = False) -> Experiment:
    """Read an experiment; quick lays its [quick] table over the rest and renames it NAME-quick.

    A path without .toml works too. A file with ``extends = "OTHER"`` is laid over the one of that
    name beside it. Missing and unknown keys, and values of a wrong type or out of range, are
    errors that name the file and the key.
    """
    path = path if path.suffix == ".toml" else path.with_name(path.name + ".toml")
    tables = _read(path)
    overrides = tables.pop("quick", None)
    if quick:
        _check(isinstance(overrides, dict), f"--quick: {path} has no [quick] table")
        tables = _merge(tables, overrides)
    try:
        experiment = from_tables(path.stem + ("-quick" if quick else ""), tables)
        _check_baseline(experiment)
    except SharingError as error:
        raise SharingError(f"{path}: {error}") from None
    return experiment


def _read(path: Path, *above: str) -> Table:
    """The tables of a file, laid over those of the file that it extends; above extend this one."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SharingError(f"cannot read experiment {path}: {error.strerror}") from None
    except ValueError as error:
        raise SharingError(f"{path} is not a TOML file: {error}") from None
    base = tables.pop("extends", None)
    if base is None:
        return tables
    _check(
        isinstance(base, str) and base not in (path.stem, *above),
        f"{path}: extends = {base!r} must name another experiment beside it",
    )
    return _merge(_read(path.with_name(f"{base}.toml"), path.stem, *above), tables)


def from_tables(name: str, tables: Table) -> Experiment:
    """The experiment that the tables describe; null stands for a key that is not given."""
    tables = _without_none(tables)
    fields = _checked(Experiment, "top level", tables | {"name": name})
    fields["languages"] = Languages(**_checked(Languages, "[languages]", tables["languages"]))
    data = _checked(Data, "[data]", tables["data"])
    fields["data"] = Data(**data | {"sets": tuple(data.get("sets", ()))})
    fields["systems"] = _each(System, "systems", tables)
    if "test_sets" in tables:
        fields["test_sets"] = _each(TestSet, "test_sets", tables)
    fields["seeds"] = tuple(tables["seeds"])
    experiment = Experiment(**fields)
    _check_experiment(experiment)
    return experiment


def _each(kind: type[Any], key: str, tables: Table) -> tuple[Any, ...]:
    return tuple(
        kind(**_checked(kind, f"[[{key}]] number {number}", table))
        for number, table in enumerate(tables[key], 1)
    )


def _checked(kind: type[Any], where: str, table: Any) -> Table:
    """The table, if it gives a dataclass the fields it needs, of the types it needs."""
    _check(isinstance(table, dict), f"{where} must be a table")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, value in table.items():
        _check(key in fields, f"{where}: unknown key '{key}'; choose from {', '.join(fields)}")
        expected, description = TYPES[fields[key].type]
        _check(type(value) is expected, f"{where}: {key} = {value!r} must be {description}")
        _check(expected is not int or value >= 1, f"{where}: {key} = {value} must be at least 1")
    for key, field in fields.items():
        required = field.default is field.default_factory is dataclasses.MISSING
        _check(not required or key in table, f"{where}: '{key}' is missing")
    return dict(table)


def _check_experiment(experiment: Experiment) -> None:
    """What no field shows alone: names, maps, the baseline, the number of updates."""
    names = [system.name for system in experiment.systems]
    test_sets = [test_set.name for test_set in experiment.test_sets]
    for system in experiment.systems:
        _check_system(system, {**experiment.train, **system.options})
    for kind, group in (("systems", names), ("test sets", test_sets)):
        for name in group:
            _check_name(kind, name)
        _check(len(set(group)) == len(group), f"two {kind} have the same name: {', '.join(group)}")
    _check_data(experiment)
    seeds = experiment.seeds
    _check(
        bool(seeds) and all(type(seed) is int for seed in seeds),
        f"seeds = {list(seeds)} must hold at least one whole number, and nothing else",
    )


def _check_baseline(experiment: Experiment) -> None:
    names = [system.name for system in experiment.systems]
    _check(
        experiment.baseline in names,
        f"baseline '{experiment.baseline}' is no system; there are {', '.join(names)}",
    )


def _check_data(experiment: Experiment) -> None:
    """That every set is either held out by number or named, and the batch can be cut in parts."""
    data = experiment.data
    _check(
        (data.valid_segments is None) != (data.valid_set is None),
        "[data] needs either valid_segments, a number, or valid_set, where they are",
    )
    held_out = [test_set.name for test_set in experiment.test_sets if test_set.origin is None]
    _check(
        (data.test_segments is not None) == bool(held_out) and len(held_out) <= 1,
        "[data] test_segments is the size of the one test set without an origin; there is "
        + (", ".join(held_out) or "none"),
    )
    _check(
        data.segmentation in SEGMENTATIONS,
        f"[data] segmentation = '{data.segmentation}': choose from {', '.join(SEGMENTATIONS)}",
    )
    _check(
        experiment.batch_tokens is None or type(experiment.train.get("max-tokens")) is int,
        "batch_tokens needs [train] max-tokens, a whole number: what one device takes at a time",
    )


def _check_name(kind: str, name: str) -> None:
    _check(
        re.fullmatch(r"\w[\w .+-]*", name) is not None,
        f"{kind}: name = '{name}' must be fit for a folder: letters, digits and _.+-",
    )


def _check_system(system: System, options: Options) -> None:
    try:
        layer_map(system.strategy, system.layers, system.unique_layers)
    except SharingError as error:
        raise SharingError(f"system {system.name}: {error}") from None
    _check(
        type(options.get("max-update")) is int,
        f"system {system.name}: [train] max-update must be a whole number of updates",
    )


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise SharingError(message)


def _without_none(table: Any) -> Any:
    if isinstance(table, list):
        return [_without_none(value) for value in table]
    if isinstance(table, dict):
        return {key: _without_none(value) for key, value in table.items() if value is not None}
    return table


def _merge(base: Table, over: Table) -> Table:
    """Over laid on base, table by table."""
    both = {
        key: _merge(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict)
    }
    return base | over | both
