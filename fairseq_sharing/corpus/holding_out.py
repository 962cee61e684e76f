"""Holds out validation and test segments by number, without reading the corpus into memory."""

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, groupby, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from ..errors import SharingError
from .parallel_text import Segment, Sets, key
from .streams import sorted_lines

_LAST = "~"
"""The key of segments without a document, which sorts after every hash."""

Documents = list[list[Segment]]
Origins = dict[str, set[str | None]]


class TooLittleText(SharingError):
    """The parts that are asked for cannot be filled."""


def split(
    segments: Iterable[Segment], sizes: Mapping[str, int], folder: Path
) -> tuple[dict[str, list[Segment]], Iterator[Segment]]:
    """Hold out parts of the sizes, in segments; returns them and what is left to train on.

    Whole documents are held out, chosen by a hash of their names, so always the same ones. A
    held-out source text occurs, whatever its case, in no other document. Sizes are met exactly.
    The documents are sorted on disk, in folder; nothing is sorted where nothing is held out.
    """
    if not any(sizes.values()):
        rest = iter(segments)
        held_out: dict[str, list[Segment]] = {part: [] for part in sizes}
    else:
        ordered = TemporaryFile("w+", encoding="utf-8", newline="\n", dir=folder)  # noqa: SIM115
        ordered.writelines(sorted_lines(map(_to_line, segments), folder, ["--stable", "--key=1,1"]))
        held_out, used = _hold_out(ordered, sizes)
        rest = islice(_read(ordered), used, None)
    first = next(rest, None)
    if first is None or any(len(held_out[part]) != size for part, size in sizes.items()):
        wanted = " and ".join(f"{size} for {part}" for part, size in sizes.items() if size)
        raise TooLittleText(
            f"too little text: what is usable of it cannot give {wanted or 'anything'} "
            "and some for training; bring more text or change [data]"
        )
    return held_out, chain([first], rest)


def hold_out_of(sets: Sets, names: Collection[str]) -> Sets:
    """The sets, with those that are not named only to be trained on, if any are named."""
    return {
        name: (segment._replace(document=None) for segment in segments)
        if names and name not in names
        else segments
        for name, segments in sets.items()
    }


def _hold_out(ordered: IO[str], sizes: Mapping[str, int]) -> tuple[dict[str, list[Segment]], int]:
    """Each part as far as it can be filled, and how many segments all documents used for it have.

    Looks at a few documents first, and at more if these are not enough.
    """
    window = sum(sizes.values())
    while True:
        window *= 4
        documents = _first_documents(ordered, window)
        parts, used = _choose(documents, _origins(ordered, documents), sizes)
        if used < len(documents) or sum(map(len, documents)) < window:
            return parts, sum(map(len, documents[:used]))


def _to_line(segment: Segment) -> str:
    document = segment.document
    rank = _LAST if document is None else hashlib.sha256(document.encode()).hexdigest()
    return "\t".join((rank, document or "", segment.source, segment.target)) + "\n"


def _read(ordered: IO[str]) -> Iterator[Segment]:
    ordered.seek(0)
    for line in ordered:
        _, document, source, target = line.removesuffix("\n").split("\t")
        yield Segment(document or None, source, target)


def _first_documents(ordered: IO[str], window: int) -> Documents:
    """The first documents with at least window segments in all, if there are as many."""
    documents, size = Documents(), 0
    for name, segments in groupby(_read(ordered), lambda segment: segment.document):
        if name is None or size >= window:
            break
        documents.append(list(segments))
        size += len(documents[-1])
    return documents


def _origins(ordered: IO[str], documents: Documents) -> Origins:
    """All documents, of the whole corpus, that the source texts of these occur in."""
    origins: Origins = {key(s.source): set() for document in documents for s in document}
    for segment in _read(ordered):
        found = origins.get(key(segment.source))
        if found is not None:
            found.add(segment.document)
    return origins


def _choose(
    documents: Documents, origins: Origins, sizes: Mapping[str, int]
) -> tuple[dict[str, list[Segment]], int]:
    """Segments for each part out of the next documents, and how many documents that took."""
    waiting, parts = deque(documents), {}
    for part, size in sizes.items():
        chosen: dict[str, Segment] = {}
        while len(chosen) < size and waiting:
            for segment in waiting.popleft():
                if len(origins[key(segment.source)]) == 1:
                    chosen.setdefault(key(segment.source), segment)
        parts[part] = list(chosen.values())[:size]
    return parts, len(documents) - len(waiting)
