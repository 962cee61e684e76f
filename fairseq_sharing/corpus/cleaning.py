"""What training text is kept: normalised, of fitting lengths and languages, once, not tested on."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

from ..errors import SharingError
from .counts import Counts
from .identification import language_of, require_identification
from .parallel_text import ITS_OWN, Segment, Sets, key
from .streams import in_processes, sorted_lines
from .words import length_in_words

TOO_SHORT_TO_TELL = 4
"""Texts with fewer words are too short for their language to be identified."""

_CONTROL = {code: " " for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"}
_INVISIBLE = _CONTROL | {0xFEFF: None}


@dataclass(frozen=True)
class Rules:
    """What is kept of a corpus: lengths in words of either side, languages if they are checked.

    held_out are the keys of source texts that are validated or tested on. In text that is not
    parallel, what is the same on both sides is not taken for untranslated.
    """

    max_words: int
    max_ratio: float | None = None
    languages: tuple[str, str] | None = None
    held_out: Collection[str] = ()
    parallel: bool = True

    def reason_to_drop(self, source: str, target: str) -> str | None:
        """The reason to drop a normalised pair, None if it is kept."""
        words = length_in_words(source), length_in_words(target)
        if min(words) == 0:
            return "empty"
        if self.parallel and source == target:
            return "untranslated"
        if max(words) > self.max_words:
            return "too long"
        if self.max_ratio is not None and max(words) > self.max_ratio * min(words):
            return "ratio of lengths"
        if self.held_out and key(source) in self.held_out:
            return "validated or tested on"
        texts = zip(self.languages or (), (source, target), words, strict=False)
        for language, text, length in texts:
            if length >= TOO_SHORT_TO_TELL and language_of(text) != language:
                return "other language"
        return None


def normalise(text: str) -> str:
    """Unicode's composed form (NFC), no control characters, single spaces between words."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


def clean(sets: Sets, rules: Rules, folder: Path, counts: Counts) -> Iterator[Segment]:
    """The segments of all sets, normalised and kept by the rules, each pair once, in their order.

    Repetitions are found by sorting 96-bit hashes on disk, in folder: memory does not grow with the
    corpus, disk grows by the text and 38 bytes a pair. Counts for each set what is read, what is
    kept and why the rest is dropped; a repetition is counted where it is found.
    """
    if rules.languages:
        require_identification(rules.languages)
    with TemporaryFile("w+", encoding="utf-8", newline="\n", dir=folder) as candidates:
        kept = sorted_lines(
            _write_candidates(sets, rules, candidates.write, counts),
            folder,
            ["--stable", "--unique", "--key=1,1"],
            ["--key=2,2"],
        )
        numbers = (int(line.split()[1]) for line in kept)
        wanted = next(numbers, None)
        candidates.seek(0)
        lines = enumerate(candidates)
        for of_set in counts.values():
            undropped = 2 * of_set["read"] - of_set.total()
            for number, line in islice(lines, undropped):
                if number == wanted:
                    document, source, target = line.removesuffix("\n").split("\t")
                    of_set["kept"] += 1
                    yield Segment(document or None, source, target)
                    wanted = next(numbers, None)
                else:
                    of_set["repeated"] += 1


def kept_of(sets: Sets, rules: Rules | None, folder: Path, counts: Counts) -> Iterator[Segment]:
    """What is kept of all sets by the rules; without any, all of it as it is.

    Raises SharingError for a set as it is without any text.
    """
    return _as_it_is(sets, counts) if rules is None else clean(sets, rules, folder, counts)


def _as_it_is(sets: Sets, counts: Counts) -> Iterator[Segment]:
    for name, segments in sets.items():
        filled = False
        of_set = counts[name] = Counter(read=0, kept=0)
        for segment in segments:
            of_set["read"] += 1
            of_set["kept"] += 1
            filled = filled or bool(segment.source.strip())
            yield segment
        if not filled:
            raise SharingError(f"{name} has no text: it has no line, or empty ones alone")


def _write_candidates(
    sets: Sets, rules: Rules, write: Callable[[str], int], counts: Counts
) -> Iterator[str]:
    """Writes what the rules keep, a line each; yields each line's hash and number."""
    number = 0
    for name, segments in sets.items():
        of_set = counts[name] = Counter(read=0, kept=0)
        for batch, dropped in in_processes(lambda: _Cleaner(rules), segments):
            of_set.update(dropped)
            of_set["read"] += len(batch) + dropped.total()
            for digest, line in batch:
                write(line)
                yield f"{digest} {number:012d}\n"
                number += 1


class _Cleaner:
    """Applies rules to batches: lines of document, source and target with a hash, and counts."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def __call__(self, batch: list[Segment]) -> tuple[list[tuple[str, str]], Counter[str]]:
        kept, dropped = [], Counter[str]()
        for document, source, target in batch:
            source, target = normalise(source), normalise(target)
            reason = self.rules.reason_to_drop(source, target)
            if reason:
                dropped[reason] += 1
                continue
            text = f"{source}\t{target}\n"
            digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
            name = "" if document is None else key(source) if document == ITS_OWN else document
            kept.append((digest, f"{name}\t{text}"))
        return kept, dropped
