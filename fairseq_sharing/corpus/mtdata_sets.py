"""Data sets by the names that the library mtdata knows, read from its cache as streams."""

import bz2
import gzip
import logging
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ..errors import FULL_DISK, SharingError
from .parallel_text import ITS_OWN, Segment
from .streams import without_logging

OTHER_CACHE = "huggingface.co"
"""mtdata leaves what it has from there to the library datasets."""

DAMAGED = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class MtdataSet:
    """A data set of parallel text; swapped if its second side is the source."""

    entry: Any
    swapped: bool

    @property
    def name(self) -> str:
        return str(self.entry.did)

    def files(self) -> list[Path]:
        """The downloaded files in mtdata's cache, whether they are there or not."""
        entry, urls = self.entry, self.entry.url
        if entry.in_ext == "opus_xces":
            named = [(url, None) for url in (urls, *entry.in_paths)]
        elif isinstance(urls, str):
            named = [(urls, entry.filename)]
        else:
            named = [(url, None) for url in urls]
        return [
            _cache().get_local_path(*one, fix_missing=False, entry=entry)
            for one in named
            if urlparse(one[0]).hostname != OTHER_CACHE
        ]

    def fetch(self) -> list[Path]:
        """Download what is not in the cache yet, completely or not at all."""
        try:
            with without_logging():
                _cache().get_entry(self.entry)
        except DAMAGED as error:
            raise self._damage(error) from None
        except Exception as error:  # mtdata and what it downloads with raise a dozen kinds
            self._discard(complete=False)
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            raise SharingError(
                f"{self.name}: the download from {self._urls()} failed ({_reason(error)}): nothing "
                "of it is kept; check the network, or bring mtdata's cache from elsewhere "
                "(docs/data.md), and run the same command again"
            ) from None
        return self.files()

    def segments(self) -> Iterator[Segment]:
        """Its pairs, source first, as the files hold them."""
        from mtdata.parser import Parser

        try:
            with without_logging():
                paths = _cache().get_entry(self.entry)
                parser = Parser(paths, ext=self.entry.in_ext or None, ent=self.entry)
                for row in parser.read_segs(show_pbar=False):
                    first, second = row[0] or "", row[1] or ""
                    yield Segment(ITS_OWN, *((second, first) if self.swapped else (first, second)))
        except DAMAGED as error:
            raise self._damage(error) from None
        except (OSError, SharingError):
            raise
        except Exception as error:  # mtdata raises plain ones, such as for unequal numbers of lines
            raise SharingError(
                f"{self.name}: mtdata cannot read {self._places()}: {_reason(error)}"
            ) from None

    def _damage(self, error: BaseException) -> SharingError:
        self._discard(complete=True)
        return SharingError(
            f"{self.name}: {self._places()} was damaged or incomplete ({_reason(error)}) and is "
            "removed: run the same command to fetch it again"
        )

    def _discard(self, *, complete: bool) -> None:
        """Remove from the cache what is there in part, or all of it."""
        for path in self.files():
            flag = _cache().get_flag_file(path)
            if complete or not flag.exists():
                flag.unlink(missing_ok=True)
                path.unlink(missing_ok=True)

    def _urls(self) -> str:
        return self.entry.url if isinstance(self.entry.url, str) else " and ".join(self.entry.url)

    def _places(self) -> str:
        return " and ".join(map(str, self.files())) or self.name


@cache
def _cache() -> Any:
    require_mtdata()
    import mtdata
    from mtdata.cache import Cache

    return Cache(mtdata.cache_dir)


@cache
def require_mtdata() -> None:
    """Import mtdata, which would take over logging and read with commands that hide damage."""
    logging.basicConfig(level=logging.WARNING)
    try:
        import mtdata.utils
    except ImportError as error:
        raise SharingError(
            f"mtdata's data sets need mtdata ({error}): pip install 'fairseq-sharing[wmt]'"
        ) from None
    mtdata.utils.COMPRESSORS.update({".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open})


def _reason(error: BaseException) -> str:
    """The error as a line; mtdata asserts HTTP statuses."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"HTTP status {text}" if isinstance(error, AssertionError) and text.isdigit() else text
