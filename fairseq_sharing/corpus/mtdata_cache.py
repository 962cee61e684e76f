"""mtdata's cache: what it has downloaded, and what it has extracted from archives beside them."""

import bz2
import gzip
import logging
import lzma
import shutil
import tarfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

from ..errors import SharingError
from .archives import require_inside

OTHER_CACHE = "huggingface.co"
"""mtdata reads data sets of this host through the library datasets, which has its own cache."""


@cache
def require_mtdata() -> None:
    """Import mtdata without its logging, and with readers that report damaged archives."""
    logging.basicConfig(level=logging.WARNING)
    try:
        import mtdata.utils
    except ImportError as error:
        raise SharingError(
            f"mtdata's data sets need mtdata ({error}): pip install mtdata"
        ) from None
    mtdata.utils.COMPRESSORS.update({".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open})


@cache
def the_cache() -> Any:
    """mtdata's own object for $MTDATA, which looks at an archive before it unpacks it."""
    require_mtdata()
    import mtdata
    from mtdata.cache import Cache

    class CheckedCache(Cache):
        def get_local_in_paths(self, path: Path, entry: Any) -> Any:
            if tarfile.is_tarfile(path):
                require_inside(path)
            return super().get_local_in_paths(path, entry)

    return CheckedCache(mtdata.cache_dir)


def downloads(entry: Any) -> list[Path]:
    """The files that an entry of mtdata's index is downloaded to, whether they are there or not."""
    if entry.in_ext == "opus_xces":
        named = [(url, None) for url in (entry.url, *entry.in_paths)]
    elif isinstance(entry.url, str):
        named = [(entry.url, entry.filename)]
    else:
        named = [(url, None) for url in entry.url]
    return [
        the_cache().get_local_path(*one, fix_missing=False, entry=entry)
        for one in named
        if urlparse(one[0]).hostname != OTHER_CACHE
    ]


def remove(download: Path) -> None:
    """Remove a file and what was extracted from it."""
    the_cache().get_flag_file(download).unlink(missing_ok=True)
    download.unlink(missing_ok=True)
    _remove_extracted(download)


def is_complete(download: Path) -> bool:
    """Whether mtdata takes the file for complete."""
    return the_cache().get_flag_file(download).exists()


def remove_stale(download: Path) -> None:
    """Remove an extraction whose archive has been replaced since.

    mtdata would go on reading it: it extracts an archive once.
    """
    folder, flag = _extracted(download)
    if not flag.exists():
        return
    extracted = flag.stat().st_mtime_ns
    if not (folder.exists() and download.exists() and download.stat().st_mtime_ns <= extracted):
        _remove_extracted(download)


def _remove_extracted(download: Path) -> None:
    folder, flag = _extracted(download)
    flag.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _extracted(download: Path) -> tuple[Path, Path]:
    """Where mtdata extracts an archive to, and the flag that says that it did."""
    from mtdata.utils import TarPath

    name = TarPath.extracted_name(SimpleNamespace(root=download))  # needs no more of a TarPath
    return download.with_name(name), download.with_name(f"{name}.valid")
