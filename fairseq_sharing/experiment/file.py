"""Reads experiments from TOML files: each key known, each value of its type."""

import dataclasses
import math
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..model.config import SIDES
from . import shipped
from .checks import check, check_baseline, check_experiment
from .data_checks import check_data
from .experiment import Data, Experiment, Languages, TestSet
from .system import Options, Side, System

Table = dict[str, Any]

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
    tuple[int | float, ...]: (list, "a list of numbers"),
    Options: (dict, "a table"),
    Side | None: (dict, "a table"),
    Languages: (dict, "a table"),
    Data: (dict, "a table"),
}


def load(path: Path, *, quick: bool = False) -> Experiment:
    """Read an experiment; quick lays its [quick] table over the rest and renames it NAME-quick.

    What [quick.train] says goes before the options of a system, too.

    A path without .toml works too, and so does the bare name of one that comes with the package. A
    file with ``extends = "OTHER"`` is laid over the one of that name beside it, or else over that
    of the package. Missing and unknown keys, and values of a wrong type or out of range, are
    errors that name the file and the key.
    """
    path = shipped.find(path)
    tables = _read(path)
    overrides = tables.pop("quick", None)
    if quick:
        check(isinstance(overrides, dict), f"--quick: {path} has no [quick] table")
        tables = _merge(tables, overrides)
    try:
        experiment = from_tables(path.stem + ("-quick" if quick else ""), tables)
        if quick:
            experiment = _without_options(experiment, overrides.get("train", {}))
        check_baseline(experiment)
    except SharingError as error:
        raise SharingError(f"{path}: {error}") from None
    return experiment


def _without_options(experiment: Experiment, names: Collection[str]) -> Experiment:
    """The experiment whose systems leave these options to [train]."""
    systems = tuple(
        dataclasses.replace(
            system,
            options={name: value for name, value in system.options.items() if name not in names},
        )
        for system in experiment.systems
    )
    return dataclasses.replace(experiment, systems=systems)


def _read(path: Path, *above: str) -> Table:
    """The tables of a file, laid over those of the file that it extends; above extend this one."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SharingError(
            f"cannot read experiment {path}: {error.strerror}; {shipped.choice(path)}"
        ) from None
    except ValueError as error:
        raise SharingError(f"{path} is not a TOML file: {error}") from None
    base = tables.pop("extends", None)
    if base is None:
        return tables
    check(
        isinstance(base, str) and Path(base).name == base not in ("", path.stem, *above),
        f"{path}: extends = {base!r} must be the bare name of another experiment, beside it or "
        "of the package",
    )
    return _merge(_read(shipped.beside(path, f"{base}.toml"), path.stem, *above), tables)


def from_tables(name: str, tables: Table) -> Experiment:
    """The experiment that the tables describe; null stands for a key that is not given."""
    tables = _without_none(tables)
    fields = _checked(Experiment, "top level", tables | {"name": name})
    fields["languages"] = Languages(**_checked(Languages, "[languages]", tables["languages"]))
    data = _checked(Data, "[data]", tables["data"])
    lists = {key: tuple(data.get(key, ())) for key in ("sets", "held_out_sets")}
    fields["data"] = Data(**data | lists)
    fields["systems"] = tuple(map(_system, _each(System, "systems", tables)))
    if "test_sets" in tables:
        fields["test_sets"] = _each(TestSet, "test_sets", tables)
    fields["seeds"] = tuple(tables["seeds"])
    experiment = Experiment(**fields)
    check_experiment(experiment)
    check_data(experiment)
    return experiment


def _system(system: System) -> System:
    """With the tables of its sides read, and its list as a tuple."""
    sides: dict[str, Any] = {
        name: Side(**_checked(Side, f"system {system.name}: {name}", getattr(system, name)))
        for name in SIDES
        if getattr(system, name) is not None
    }
    return dataclasses.replace(system, grow_depth_at=tuple(system.grow_depth_at), **sides)


def _each(kind: type[Any], key: str, tables: Table) -> tuple[Any, ...]:
    return tuple(
        kind(**_checked(kind, f"[[{key}]] number {number}", table))
        for number, table in enumerate(tables[key], 1)
    )


def _checked(kind: type[Any], where: str, table: Any) -> Table:
    """The table, if it gives a dataclass the fields it needs, of the types it needs."""
    check(isinstance(table, dict), f"{where} must be a table")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, value in table.items():
        check(key in fields, f"{where}: unknown key '{key}'; choose from {', '.join(fields)}")
        expected, description = TYPES[fields[key].type]
        check(type(value) is expected, f"{where}: {key} = {value!r} must be {description}")
        check(expected is not int or value >= 1, f"{where}: {key} = {value} must be at least 1")
        words = fields[key].type != tuple[str, ...] or all(type(word) is str for word in value)
        check(words, f"{where}: {key} = {value!r} must be {description}")
        for name, option in value.items() if fields[key].type == Options else ():
            check(
                _is_option(option),
                f"{where}: {key}: {name} = {option!r} must be a string, a finite number, true or "
                "false, or a list of these",
            )
    for key, field in fields.items():
        required = field.default is field.default_factory is dataclasses.MISSING
        check(not required or key in table, f"{where}: '{key}' is missing")
    return dict(table)


def _is_option(value: Any) -> bool:
    """Whether a command line and a record can hold it."""
    if isinstance(value, list):
        return all(map(_is_option, value))
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


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
