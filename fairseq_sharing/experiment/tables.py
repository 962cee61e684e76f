"""The tables of an experiment's file: each key known, each value of its type."""

import dataclasses
import math
from typing import Any

from .checks import check
from .experiment import Data, Languages, TestSet
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


def checked(kind: type[Any], where: str, table: Any) -> Table:
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


def without_none(table: Any) -> Any:
    if isinstance(table, list):
        return [without_none(value) for value in table]
    if isinstance(table, dict):
        return {key: without_none(value) for key, value in table.items() if value is not None}
    return table


def merge(base: Table, over: Table) -> Table:
    """Over laid on base, table by table."""
    both = {
        key: merge(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict)
    }
    return base | over | both
