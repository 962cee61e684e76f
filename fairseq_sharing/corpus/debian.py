"""Files out of Debian's packages, without root and without installing them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SharingError
from ..files import sha256

OWN_TEXT = "or give your own parallel text with --src FILE --tgt FILE"


class Packages:
    """Packages that are fetched into a folder, without root; their files' checksums are noted."""

    def __init__(self, folder: Path) -> None:
        require_tools()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.checksums: dict[str, str] = {}

    @property
    def files(self) -> list[Path]:
        """What was fetched, or found there and sound."""
        return [self.folder / name for name in self.checksums]

    def fetch_any(self, *names: str) -> Iterator[Path]:
        """The file of the first package, and of the others if apt knows them."""
        for number, name in enumerate(names):
            if name and (number == 0 or _is_known(name, self.folder)):
                yield self.fetch(name)

    def fetch(self, name: str) -> Path:
        """The package's file."""
        package = fetch(name, self.folder)
        self.checksums[package.name] = sha256(package)
        return package


def require_tools() -> None:
    """Raise SharingError unless this is a Debian or Ubuntu with its package tools."""
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise SharingError(
                f"{tool} not found: this text comes as Debian packages; "
                f"run on Debian or Ubuntu, {OWN_TEXT}"
            )


def _is_known(package: str, folder: Path) -> bool:
    try:
        return bool(_run(["apt-cache", "show", package], folder))
    except SharingError:
        return False


def fetch(package: str, folder: Path) -> Path:
    """The package's file, downloaded by apt-get unless a sound one lies in the folder."""
    sound = {
        line.split()[1]
        for line in _run(["apt-cache", "show", package], folder).splitlines()
        if line.startswith("SHA256:")
    }
    for attempt in ("found", "downloaded"):
        for file in folder.glob(f"{package}_*.deb"):
            if sha256(file) in sound:
                return file
            file.unlink()
        if attempt == "found":
            _run(["apt-get", "download", package], folder)
    raise SharingError(
        f"{package}: the downloaded file does not match apt's checksum; "
        f"run apt-get update and try again, {OWN_TEXT}"
    )


@contextmanager
def unpacked(package: Path) -> Iterator[Path]:
    """The package's files in a folder beside it, which is removed afterwards."""
    folder = package.with_suffix("")
    try:
        _run(["dpkg-deb", "-x", package.name, folder.name], package.parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], folder: Path) -> str:
    """The output of an apt or dpkg command run in the folder; its failure is one line."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (complaints or done.stderr.splitlines() or ["no message"])[-1]
        raise SharingError(
            f"{' '.join(command[:2])} failed for {command[-1]} ({reason}): check the network and "
            f"the package lists (apt-get update as root), {OWN_TEXT}"
        )
    return done.stdout
