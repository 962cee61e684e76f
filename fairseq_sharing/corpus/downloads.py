"""Downloads that are there when they are complete and what was expected, and not before."""

import os
import shutil
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from ..errors import FULL_DISK, SharingError
from ..files import exclusive, sha256

SECONDS = 60
"""How long a server may be silent."""

PARTIAL, NO_SUCH_PART = 206, 416
"""Answers of HTTP to a request for a part."""


def download(urls: Sequence[str], path: Path, expected: str, remedy: str) -> None:
    """Fetch a file of the expected SHA-256 from the first URL that has it.

    What an interruption leaves is kept as NAME.part, and the next call asks for the rest of it; any
    other content is not kept. Raises SharingError, with the remedy, if no URL gives the file.
    """
    failures = []
    with exclusive(path.parent):
        part = path.with_name(path.name + ".part")
        for url in urls:
            try:
                _fetch(url, part)
            except (OSError, HTTPException) as error:
                if getattr(error, "errno", None) in FULL_DISK:
                    raise
                failures.append(f"{url}: {getattr(error, 'reason', None) or error}")
                continue
            if sha256(part) == expected:
                os.replace(part, path)
                return
            part.unlink()
            failures.append(f"{url}: what it gives is another file by its SHA-256")
    raise SharingError(
        f"no {path.name} in {path.parent}, and it cannot be downloaded ({'; '.join(failures)}): "
        f"{remedy}, then run the same command again"
    )


def _fetch(url: str, part: Path) -> None:
    """Complete a file by what it lacks; OSError or HTTPException if the connection ends early."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    print(f"prepare: downloading {url}", flush=True)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            have = have if answer.status == PARTIAL else 0
            expected = have + int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if have else "wb") as file:
                shutil.copyfileobj(answer, file)
    except HTTPError as error:
        if have and error.code == NO_SUCH_PART:  # nothing is lacking
            return
        raise
    size = part.stat().st_size
    if size < expected:
        raise OSError(f"the connection ended after {size:,} of {expected:,} bytes")
