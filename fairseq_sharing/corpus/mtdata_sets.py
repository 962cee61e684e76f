"""Data sets by the names that the library mtdata knows, read from its cache as streams."""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FULL_DISK, SharingError
from .mtdata_cache import downloads, is_complete, remove, remove_stale, the_cache
from .parallel_text import ITS_OWN, Segment
from .streams import without_logging

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
        return downloads(self.entry)

    def fetch(self) -> list[Path]:
        """Download what is not in the cache yet, completely or not at all."""
        for path in self.files():
            remove_stale(path)
        try:
            with without_logging():
                self._open()
        except DAMAGED as error:
            raise self._damage(error) from None
        except SharingError:
            raise
        except (
            Exception
        ) as error:  # mtdata and its download libraries raise a dozen kinds of errors
            incomplete = [path for path in self.files() if not is_complete(path)]
            for path in incomplete:
                remove(path)
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            if not incomplete:
                raise self._unreadable(error) from None
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
                parser = Parser(self._open(), ext=self.entry.in_ext or None, ent=self.entry)
                row = None
                for row in parser.read_segs(show_pbar=False):
                    first, second = row[0] or "", row[1] or ""
                    yield Segment(ITS_OWN, *((second, first) if self.swapped else (first, second)))
                if row is None:
                    raise EOFError("no text in it")
        except DAMAGED as error:
            raise self._damage(error) from None
        except (OSError, SharingError):
            raise
        except Exception as error:  # mtdata raises plain ones, such as for unequal numbers of lines
            raise self._unreadable(error) from None

    def _open(self) -> Any:
        """What mtdata's parser reads, downloaded and extracted if it has to be."""
        found = the_cache().get_entry(self.entry)
        if self.entry.is_archive and isinstance(found, Path):  # mtdata would read it as text
            raise tarfile.ReadError("it is no archive")
        return found

    def _unreadable(self, error: BaseException) -> SharingError:
        return SharingError(f"{self.name}: mtdata cannot read {self._places()}: {_reason(error)}")

    def _damage(self, error: BaseException) -> SharingError:
        for path in self.files():
            remove(path)
        return SharingError(
            f"{self.name}: {self._places()} was damaged or incomplete ({_reason(error)}) and is "
            "removed: run the same command to fetch it again"
        )

    def _urls(self) -> str:
        return self.entry.url if isinstance(self.entry.url, str) else " and ".join(self.entry.url)

    def _places(self) -> str:
        return " and ".join(map(str, self.files())) or self.name


def _reason(error: BaseException) -> str:
    """The error as a line; mtdata asserts HTTP statuses."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"HTTP status {text}" if isinstance(error, AssertionError) and text.isdigit() else text
