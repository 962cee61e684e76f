"""Finds data sets of mtdata by name, without fetching anything."""

import difflib
from itertools import chain
from typing import Any

from ..errors import SharingError
from .mtdata_cache import require_mtdata
from .mtdata_sets import MtdataSet


def find_sets(names: tuple[str, ...], languages: tuple[str, str]) -> list[MtdataSet]:
    """The data sets of the names; a recipe's name stands for all that it trains on."""
    require_mtdata()
    from mtdata.index import INDEX

    identifiers = dict.fromkeys(chain.from_iterable(map(_identifiers, names)))
    entries = [INDEX[identifier] for identifier in identifiers]
    return [MtdataSet(entry, _is_swapped(entry, languages)) for entry in entries]


def _identifiers(name: str) -> list[Any]:
    from mtdata.entry import DatasetId
    from mtdata.index import INDEX
    from mtdata.recipe import RECIPES

    if name in RECIPES:
        return RECIPES[name].train or []
    try:
        identifier = DatasetId.parse(name)
    except Exception:  # a plain one says that a name is not made of such parts
        identifier = None
    if identifier not in INDEX.entries:
        raise SharingError(_unknown(name, [*map(str, INDEX.entries), *RECIPES]))
    return [identifier]


def _is_swapped(entry: Any, languages: tuple[str, str]) -> bool:
    from mtdata.iso.bcp47 import BCP47Tag, bcp47

    pair = tuple(map(bcp47, languages))
    compatible, swapped = False, False
    if len(entry.did.langs) == 2:
        compatible, swapped = BCP47Tag.check_compat_swap(pair, entry.did.langs)
    if not compatible:
        raise SharingError(
            f"{entry.did} is {entry.did.lang_str}, the experiment's languages are "
            f"{'-'.join(languages)}: name a set of both"
        )
    return swapped


def _unknown(name: str, known: list[str]) -> str:
    similar = difflib.get_close_matches(name, known, 3, 0.8)
    return (
        f"mtdata knows no data set or recipe '{name}'"
        + (f" (similar: {', '.join(similar)})" if similar else "")
        + "; mtdata list --langs SOURCE-TARGET lists the names"
    )
