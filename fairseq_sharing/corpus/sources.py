"""Training text by the name of its corpus, or from the user's own files."""

from pathlib import Path
from typing import NamedTuple

from ..errors import SharingError
from . import packaged_sets, wikitext
from .mtdata_names import find_sets
from .parallel_text import Sets, stream_parallel, stream_text, stream_verbatim

Languages = tuple[str, str]

MTDATA = "mtdata"
OF_ONES_OWN = "own text"
"""The name of the user's own files, as a corpus and as its only set."""


class Source(NamedTuple):
    """Segments, as they are found, by the names of their sets, and the files they come from."""

    sets: Sets
    files: list[Path]


def open_corpus(name: str, sets: tuple[str, ...], languages: Languages, folder: Path) -> Source:
    """The sets of a corpus; packages go into folder, others have a cache of their own."""
    check_corpus(name, sets, languages)
    if name == MTDATA:
        found = find_sets(sets, languages)
        files = [file for one in found for file in one.fetch()]
        return Source({one.name: one.segments() for one in found}, files)
    if name == wikitext.NAME:
        segments, files = wikitext.WikiText().read("train")
        return Source({f"{name}:train": segments}, files)
    return Source(*packaged_sets.read_sets(name, sets, languages, folder / "packages"))


def check_corpus(
    name: str, sets: tuple[str, ...], languages: Languages, *, verbatim: bool = False
) -> None:
    """Raise SharingError for an unknown corpus or set; fetches nothing.

    With verbatim also for one whose text is not lines in a file.
    """
    if verbatim:
        require_lines(name)
    if name in packaged_sets.CORPORA:
        packaged_sets.check_sets(name, sets, languages)
    elif name == wikitext.NAME:
        wikitext.check_languages(languages)
        if sets:
            raise SharingError(f"[data] sets: {name} is trained on its split train: leave it out")
    elif name != MTDATA:
        known = ", ".join([*packaged_sets.CORPORA, MTDATA, wikitext.NAME])
        raise SharingError(f"[data] corpus = '{name}': choose from {known}")
    elif not sets:
        raise SharingError("[data] corpus = 'mtdata' needs sets: names of mtdata's sets or recipes")
    else:
        find_sets(sets, languages)


def require_lines(corpus: str) -> None:
    """Raise SharingError for a corpus that cannot be taken as it is."""
    if corpus != wikitext.NAME:
        raise SharingError(
            f"[data] verbatim = true takes lines as they are, of {wikitext.NAME} or of prepare "
            f"--text; those of {corpus} are cleaned: leave verbatim out"
        )


def open_files(*files: Path, verbatim: bool = False) -> Source:
    """The user's own two files, or one text; they are checked before this returns.

    With verbatim, a text has no documents, and its blank lines are lines. Raises SharingError for a
    pipe, which can be read only once.
    """
    for file in files:
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise SharingError(f"{file} is a pipe or a device, and read several times: give a file")
    if len(files) == 1:
        segments = stream_verbatim(*files) if verbatim else stream_text(*files)
    else:
        segments = stream_parallel(*files)
    return Source({OF_ONES_OWN: segments}, list(files))
