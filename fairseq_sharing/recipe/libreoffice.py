"""Parallel text from LibreOffice's help, as Debian and Ubuntu package it.

The help exists in dozens of languages as the same HTML files with the same paragraph ids, so
paragraphs are aligned by (file, id) and nothing needs a sentence aligner or a download page.
"""

import os
import shutil
import subprocess
from pathlib import Path

import lxml.html

from ..errors import SharingError
from .parallel_text import Segment
from .stages import sha256

OWN_TEXT = "or give your own parallel text with --src FILE --tgt FILE"
HELP_TREES = Path("usr/share/libreoffice/help")
PACKAGED_NAMES = {"en": ("en-us", "en-US"), "zh": ("zh-cn", "zh-CN")}


def read_help(folder: Path, source: str, target: str) -> tuple[list[Segment], dict[str, str]]:
    """Every paragraph of the help in two languages, and the checksum of each package's file.

    The packages are fetched into folder, without root; those that are there and pass apt's
    checksum are used again.
    """
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise SharingError(
                f"{tool} not found: the LibreOffice corpus comes as Debian packages; "
                f"run on Debian or Ubuntu, {OWN_TEXT}"
            )
    folder.mkdir(parents=True, exist_ok=True)
    texts, origin = [], {}
    for language in (source, target):
        name, tree = PACKAGED_NAMES.get(language, (language, language))
        package = _fetch(f"libreoffice-help-{name}", folder)
        origin[package.name] = sha256(package)
        texts.append(_paragraphs(package, tree))
    return [
        Segment(document, text, texts[1][document, identifier])
        for (document, identifier), text in texts[0].items()
        if (document, identifier) in texts[1]
    ], origin


def _fetch(package: str, folder: Path) -> Path:
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


def _paragraphs(package: Path, tree: str) -> dict[tuple[str, str], str]:
    """Text by (file, paragraph id), without paragraphs that depend on the platform."""
    unpacked = package.with_suffix("")
    _run(["dpkg-deb", "-x", package.name, unpacked.name], package.parent)
    root = unpacked / HELP_TREES / tree / "text"
    parser = lxml.html.HTMLParser(encoding="utf-8")
    texts = {}
    for file in sorted(root.rglob("*.html")):
        document = file.relative_to(root).as_posix()
        for element in lxml.html.parse(str(file), parser).iterfind(".//*[@id]"):
            identifier = element.get("id")
            if not identifier.startswith(("par_", "hd_")) or element.xpath(".//*[@hidden]"):
                continue
            texts[document, identifier] = element.text_content()
    shutil.rmtree(unpacked)
    if not texts:
        raise SharingError(f"{package.name} holds no help under {HELP_TREES / tree}: {OWN_TEXT}")
    return texts
