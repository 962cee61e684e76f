"""Training text by the name of its corpus, or out of two files of one's own."""

from pathlib import Path
from typing import NamedTuple

from ..errors import SharingError
from .libreoffice import check_sets, read_libreoffice
from .mtdata_names import find_sets
from .parallel_text import Sets, stream_parallel

Languages = tuple[str, str]

OF_ONES_OWN = "own text"
"""What two files of one's own are called as a corpus, and as its only set."""


class Source(NamedTuple):
    """Segments, as they are found, by the names of their sets, and the files they come from."""

    sets: Sets
    files: list[Path]


def open_corpus(name: str, sets: tuple[str, ...], languages: Languages, folder: Path) -> Source:
    """The sets of a corpus; packages go into folder, mtdata has a cache of its own."""
    check_corpus(name, sets, languages)
    return CORPORA[name](sets, languages, folder)


def check_corpus(name: str, sets: tuple[str, ...], languages: Languages) -> None:
    """Raise SharingError for an unknown corpus or set; fetches nothing."""
    if name not in CORPORA:
        raise SharingError(f"[data] corpus = '{name}': choose from {', '.join(CORPORA)}")
    if name == "libreoffice":
        check_sets(sets)
    elif not sets:
        raise SharingError("[data] corpus = 'mtdata' needs sets: names of mtdata's sets or recipes")
    else:
        find_sets(sets, languages)


def open_files(source: Path, target: Path) -> Source:
    """Two files of one's own, which are checked before this returns."""
    return Source({OF_ONES_OWN: stream_parallel(source, target)}, [source, target])


def _open_libreoffice(sets: tuple[str, ...], languages: Languages, folder: Path) -> Source:
    segments, origin = read_libreoffice(folder / "packages", *languages, sets)
    return Source(segments, [folder / "packages" / name for name in origin])


def _open_mtdata(sets: tuple[str, ...], languages: Languages, folder: Path) -> Source:
    found = find_sets(sets, languages)
    files = [file for one in found for file in one.fetch()]
    return Source({one.name: one.segments() for one in found}, files)


CORPORA = {"libreoffice": _open_libreoffice, "mtdata": _open_mtdata}
