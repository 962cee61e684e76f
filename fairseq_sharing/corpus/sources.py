"""Training text by the name of its corpus, or from the user's own two files."""

from pathlib import Path
from typing import NamedTuple

from ..errors import SharingError
from . import packaged_sets
from .mtdata_names import find_sets
from .parallel_text import Sets, stream_parallel, stream_text

Languages = tuple[str, str]

MTDATA = "mtdata"
OF_ONES_OWN = "own text"
"""The name of the user's own two files, as a corpus and as its only set."""


class Source(NamedTuple):
    """Segments, as they are found, by the names of their sets, and the files they come from."""

    sets: Sets
    files: list[Path]


def open_corpus(name: str, sets: tuple[str, ...], languages: Languages, folder: Path) -> Source:
    """The sets of a corpus; packages go into folder, mtdata has a cache of its own."""
    check_corpus(name, sets, languages)
    if name == MTDATA:
        found = find_sets(sets, languages)
        files = [file for one in found for file in one.fetch()]
        return Source({one.name: one.segments() for one in found}, files)
    return Source(*packaged_sets.read_sets(name, sets, languages, folder / "packages"))


def check_corpus(name: str, sets: tuple[str, ...], languages: Languages) -> None:
    """Raise SharingError for an unknown corpus or set; fetches nothing."""
    if name in packaged_sets.CORPORA:
        packaged_sets.check_sets(name, sets)
    elif name != MTDATA:
        known = ", ".join([*packaged_sets.CORPORA, MTDATA])
        raise SharingError(f"[data] corpus = '{name}': choose from {known}")
    elif not sets:
        raise SharingError("[data] corpus = 'mtdata' needs sets: names of mtdata's sets or recipes")
    else:
        find_sets(sets, languages)


def open_files(*files: Path) -> Source:
    """The user's own two files, or one text; they are checked before this returns."""
    segments = stream_text(*files) if len(files) == 1 else stream_parallel(*files)
    return Source({OF_ONES_OWN: segments}, list(files))
