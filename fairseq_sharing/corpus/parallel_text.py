"""Parallel text: segments, and reading them from a pair of files."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..errors import SharingError

LINES_A_DOCUMENT = 50
"""Of a text that does not say where its documents end."""

ITS_OWN = ""
"""The document of a segment that may be held out without any other: its source text."""


class Segment(NamedTuple):
    """A source text and its translation; segments of one document are held out together.

    Those of no document are only trained on.
    """

    document: str | None
    source: str
    target: str


Sets = Mapping[str, Iterable[Segment]]
"""The data sets of a corpus, by name."""


class Texts(NamedTuple):
    """Source texts, their reference translations, and the files that they come from.

    documents are the names of those that the sources are of, where they are known.
    """

    sources: list[str]
    references: list[str]
    files: list[Path]
    documents: Sequence[str] = ()


def stream_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file without their ends; a missing or other file is an error."""
    try:
        with path.open("rb") as file:
            yield from decoded_lines(file, path)
    except OSError as error:
        raise SharingError(f"cannot read {path}: {error.strerror}") from None


def decoded_lines(file: Iterable[bytes], name: Path) -> Iterator[str]:
    """The lines of an open file without their ends; SharingError, naming it, if not UTF-8."""
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise SharingError(
                f"{name}, line {number}: not UTF-8 (byte 0x{line[error.start]:02x}); "
                "convert the file, for example with iconv"
            ) from None


def read_lines(path: Path) -> list[str]:
    """All lines of a file; one without any text is an error."""
    lines = list(stream_lines(path))
    _require_text(path, any(line.strip() for line in lines))
    return lines


def in_a_line(text: str) -> str:
    """A segment as one line, also to a reader that takes a carriage return for the end of one."""
    return re.sub(r"[\r\n]+", " ", text)


def stream_parallel(source: Path, target: Path) -> Iterator[Segment]:
    """Line i of one file translates line i of the other; neither is read into memory.

    Both files are checked before the first segment is asked for.
    """
    if source.resolve() == target.resolve():
        raise SharingError(f"--src and --tgt are both {source}: give one file for each language")
    lengths = [_length(path) for path in (source, target)]
    if lengths[0] != lengths[1]:
        raise SharingError(
            f"--src {source} has {lengths[0]} lines, --tgt {target} has {lengths[1]}: "
            "line i of one file must translate line i of the other"
        )
    pairs = zip(stream_lines(source), stream_lines(target), strict=True)
    return (Segment(ITS_OWN, *pair) for pair in pairs)


def stream_text(path: Path) -> Iterator[Segment]:
    """Lines of a text in one language, on both sides of a segment; it is not read into memory.

    A blank line ends a document; where there is none, so many lines are one. The file is checked
    before the first segment is asked for.
    """
    _length(path)
    blank = any(not line.strip() for line in stream_lines(path))
    return _of_documents(path, blank)


def stream_verbatim(path: Path) -> Iterator[Segment]:
    """Every line of a text in one language, blank ones too; it is not read into memory.

    The file is checked before the first segment is asked for.
    """
    _length(path)
    return (Segment(None, line, line) for line in stream_lines(path))


def _of_documents(path: Path, blank: bool) -> Iterator[Segment]:
    document = 0
    for number, line in enumerate(stream_lines(path), 1):
        if line.strip():
            yield Segment(f"document {document}", line, line)
        if not (line.strip() if blank else number % LINES_A_DOCUMENT):
            document += 1


def _length(path: Path) -> int:
    length, filled = 0, False
    for line in stream_lines(path):
        length += 1
        filled = filled or bool(line.strip())
    _require_text(path, filled)
    return length


def _require_text(path: Path, filled: bool) -> None:
    if not filled:
        raise SharingError(f"{path} is empty: expected one segment a line")


def sampled_lines(paths: Sequence[Path], most: int) -> Iterator[str]:
    """The lines of all files; if there are more than most, as many, spread evenly over them."""
    total = sum(1 for path in paths for _ in stream_lines(path))
    for number, line in enumerate(chain.from_iterable(map(stream_lines, paths))):
        if total <= most or number * most // total != (number - 1) * most // total:
            yield line


def key(text: str) -> str:
    """The form of a source text by which it is compared: without case, with single spaces."""
    return " ".join(text.casefold().split())
