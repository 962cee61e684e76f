"""Parallel text: reading, cleaning, and holding out validation and test segments."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import SharingError


class Segment(NamedTuple):
    """A source text and its translation; segments of one document are held out together.

    Those of no document are only trained on.
    """

    document: str | None
    source: str
    target: str


class Split(NamedTuple):
    """Training, validation and test segments: no source text is in two of them."""

    train: list[Segment]
    valid: list[Segment]
    test: list[Segment]


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file without their ends; a missing, empty or other file is an error."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SharingError(f"cannot read {path}: {error.strerror}") from None
    if not content.strip():
        raise SharingError(f"{path} is empty: expected one segment a line")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SharingError(
            f"{path}, line {line}: not UTF-8 (byte 0x{content[error.start]:02x}); "
            "convert the file, for example with iconv"
        ) from None
    return text.removesuffix("\n").split("\n")


def read_parallel(source: Path, target: Path) -> list[Segment]:
    """Line i of one file translates line i of the other; each source text is its own document."""
    sources, targets = read_lines(source), read_lines(target)
    if len(sources) != len(targets):
        raise SharingError(
            f"--src {source} has {len(sources)} lines, --tgt {target} has {len(targets)}: "
            "line i of one file must translate line i of the other"
        )
    return [Segment(_key(s), s, t) for s, t in zip(sources, targets, strict=True)]


def clean(segments: Iterable[Segment], max_words: int) -> list[Segment]:
    """Without repetitions, untranslated texts, and texts of no or more than max_words words."""
    kept: dict[tuple[str, str], Segment] = {}
    for document, source, target in segments:
        source, target = " ".join(source.split()), " ".join(target.split())
        words = [len(source.split()), len(target.split())]
        if source != target and min(words) >= 1 and max(words) <= max_words:
            kept.setdefault((source, target), Segment(document, source, target))
    return list(kept.values())


def split(segments: list[Segment], valid: int, test: int) -> Split:
    """Hold out whole documents, chosen by a hash of their names, so always the same ones.

    A held-out source text occurs, whatever its case, in no other document. Valid and test are
    numbers of segments and are met exactly.
    """
    documents: dict[str, list[Segment]] = defaultdict(list)
    train_only = [segment for segment in segments if segment.document is None]
    origins: dict[str, set[str | None]] = defaultdict(set)
    for segment in segments:
        if segment.document is not None:
            documents[segment.document].append(segment)
        origins[_key(segment.source)].add(segment.document)
    names = deque(sorted(documents, key=lambda name: hashlib.sha256(name.encode()).digest()))
    held_out: list[list[Segment]] = []
    for wanted in (test, valid):
        chosen: dict[str, Segment] = {}
        while len(chosen) < wanted and names:
            for segment in documents[names.popleft()]:
                key = _key(segment.source)
                if len(origins[key]) == 1:
                    chosen.setdefault(key, segment)
        held_out.append(list(chosen.values())[:wanted])
    train = [segment for name in names for segment in documents[name]] + train_only
    if not train or [len(part) for part in held_out] != [test, valid]:
        raise SharingError(
            f"too little parallel text: {len(segments)} usable segments (different ones within "
            f"max_words) cannot give {test} for test, {valid} for validation and some for "
            "training; bring more text or change [data]"
        )
    return Split(train, valid=held_out[1], test=held_out[0])


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
