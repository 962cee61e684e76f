"""Validation and test sets by their origin in sacreBLEU or mtdata."""

from collections.abc import Callable
from typing import Any

from ..errors import SharingError
from .mtdata_names import find_sets
from .mtdata_sets import MtdataSet
from .packaged_sets import CORPORA
from .parallel_text import Texts, in_a_line
from .sacrebleu_sets import find_in_sacrebleu, read_of_sacrebleu

Find = Callable[[str, tuple[str, str]], Any]
Read = Callable[[Any, tuple[str, str]], Texts]


def read_test_set(origin: str, languages: tuple[str, str]) -> Texts:
    """The set that "sacrebleu:NAME" or "mtdata:ID" stands for, downloaded if it has to be."""
    read, found = _find(origin, languages)
    return read(found, languages)


def check_origin(origin: str, languages: tuple[str, str]) -> None:
    """Raise SharingError for a set that its library does not have; downloads nothing."""
    _find(origin, languages)


def _find(origin: str, languages: tuple[str, str]) -> tuple[Read, Any]:
    library, _, name = origin.partition(":")
    if library not in LIBRARIES:
        choices = " or ".join(f"{known}:NAME" for known in [*LIBRARIES, *CORPORA])
        raise SharingError(f"a set's origin = '{origin}' must be {choices}")
    find, read = LIBRARIES[library]
    return read, find(name, languages)


def _in_mtdata(name: str, languages: tuple[str, str]) -> MtdataSet:
    found = find_sets((name,), languages)
    if len(found) != 1:
        raise SharingError(f"origin = 'mtdata:{name}' is a recipe: name one of its sets")
    return found[0]


def _of_mtdata(found: MtdataSet, languages: tuple[str, str]) -> Texts:
    files = found.fetch()
    pairs = [(in_a_line(source), in_a_line(target)) for _, source, target in found.segments()]
    return Texts([source for source, _ in pairs], [target for _, target in pairs], files)


LIBRARIES: dict[str, tuple[Find, Read]] = {
    "sacrebleu": (find_in_sacrebleu, read_of_sacrebleu),
    "mtdata": (_in_mtdata, _of_mtdata),
}
