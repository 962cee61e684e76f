"""Reads experiments from TOML files."""

import dataclasses
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
from .system import Side, System
from .tables import Table, checked, merge, without_none


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
        tables = merge(tables, overrides)
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
    return merge(_read(shipped.beside(path, f"{base}.toml"), path.stem, *above), tables)


def from_tables(name: str, tables: Table) -> Experiment:
    """The experiment that the tables describe; null stands for a key that is not given."""
    tables = without_none(tables)
    fields = checked(Experiment, "top level", tables | {"name": name})
    fields["languages"] = Languages(**checked(Languages, "[languages]", tables["languages"]))
    data = checked(Data, "[data]", tables["data"])
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
        name: Side(**checked(Side, f"system {system.name}: {name}", getattr(system, name)))
        for name in SIDES
        if getattr(system, name) is not None
    }
    return dataclasses.replace(system, grow_depth_at=tuple(system.grow_depth_at), **sides)


def _each(kind: type[Any], key: str, tables: Table) -> tuple[Any, ...]:
    return tuple(
        kind(**checked(kind, f"[[{key}]] number {number}", table))
        for number, table in enumerate(tables[key], 1)
    )
