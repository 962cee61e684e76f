"""WikiText-103: good and featured articles of Wikipedia in whole words, in splits of its own.

Merity et al., "Pointer Sentinel Mixture Models", arXiv 1609.07843. Its words stand between spaces,
the rarest are <unk> already, and models are compared by the perplexity of every token of its test
split, an end of line after each line, the empty ones too.
"""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SharingError
from ..files import digest
from .downloads import download
from .parallel_text import Segment, decoded_lines, stream_lines

NAME = "wikitext-103"
SPLITS = ("train", "valid", "test")
LANGUAGE = "en"
ARCHIVE = "wikitext-103-v1.zip"
URLS = (
    f"https://wikitext.smerity.com/{ARCHIVE}",
    f"https://s3.amazonaws.com/research.metamind.io/wikitext/{ARCHIVE}",
)
SHA256 = "242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590"


def cache_folder() -> Path:
    """Where the corpus is kept: below $XDG_CACHE_HOME, by default ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "fairseq_sharing" / NAME


@dataclass(frozen=True)
class WikiText:
    """The corpus in a folder: its archive, or the three files that this holds.

    The archive is downloaded from the first of the URLs that gives one of that SHA-256.
    """

    folder: Path = field(default_factory=cache_folder)
    urls: tuple[str, ...] = URLS
    sha256: str = SHA256

    def read(self, split: str) -> tuple[Iterator[Segment], list[Path]]:
        """The lines of a split, each in the document of its article, and the file they are in.

        Lines are not read into memory. Raises SharingError if there is no sound copy of the corpus.
        """
        file = self._fetched(split)
        return segments_of(self._lines(file, split)), [file]

    def _fetched(self, split: str) -> Path:
        archive = self.folder / ARCHIVE
        files = {each: self.folder / f"wiki.{each}.tokens" for each in SPLITS}
        if archive.exists():
            return self._verified(archive)
        if all(file.exists() for file in files.values()):
            return files[split]
        download(
            self.urls,
            archive,
            self.sha256,
            f"put {archive.name} there, or its {', '.join(file.name for file in files.values())} "
            "(docs/data.md)",
        )
        return archive

    def _verified(self, archive: Path) -> Path:
        found = digest(archive)
        if found != self.sha256:
            raise SharingError(
                f"{archive} is damaged or another file (SHA-256 {found}, expected {self.sha256}): "
                "remove it to have it downloaded, or bring a sound copy"
            )
        return archive

    def _lines(self, file: Path, split: str) -> Iterator[str]:
        """The lines of a split; of an archive no member but that one is opened."""
        if file.name != ARCHIVE:
            yield from stream_lines(file)
            return
        member = f"{NAME}/wiki.{split}.tokens"
        with zipfile.ZipFile(file) as archive, archive.open(member) as lines:
            yield from decoded_lines(lines, file / member)


def check_languages(languages: tuple[str, str]) -> None:
    """Raise SharingError unless the text that is read is English alone."""
    if languages != (LANGUAGE, LANGUAGE):
        raise SharingError(
            f"{NAME} is English text for language models: give kind = 'language_model' and "
            f"[languages] source = '{LANGUAGE}' without a target, not {'-'.join(languages)}"
        )


def segments_of(lines: Iterator[str]) -> Iterator[Segment]:
    """Lines, on both sides of a segment, in a document for each article.

    An article begins at a line such as " = Title = " after a blank one; headings inside of it have
    more signs on either side. What stands before the first is part of that.
    """
    number, blank = 0, True
    for line in lines:
        words = line.split()
        number += blank and _is_title(words)
        yield Segment(f"article {max(1, number)}", line, line)
        blank = not words


def _is_title(words: list[str]) -> bool:
    ends = words[:1] + words[-1:]
    return len(words) > 2 and ends == ["=", "="] and "=" not in (words[1], words[-2])
