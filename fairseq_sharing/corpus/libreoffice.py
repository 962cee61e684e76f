"""Parallel text from LibreOffice, as Debian and Ubuntu package it.

Its help exists in dozens of languages as the same HTML files with the same paragraph ids, and its
interface as translations of the same English strings, so that nothing needs a sentence aligner or a
download page.
"""

import re
from collections.abc import Callable
from pathlib import Path

import lxml.html
import polib

from ..errors import SharingError
from ..recipe.stages import sha256
from .debian import OWN_TEXT, fetch, require_tools, unpacked
from .parallel_text import Segment

PACKAGED_NAMES = {"en": ("en-us", "en-US"), "zh": ("zh-cn", "zh-CN")}
HELP_TREES = Path("usr/share/libreoffice/help")
INTERFACE_TREES = Path("usr/lib/libreoffice/program/resource")

Texts = dict[tuple[str, str], str]


def read_libreoffice(
    folder: Path, source: str, target: str, sets: tuple[str, ...] = ()
) -> tuple[dict[str, list[Segment]], dict[str, str]]:
    """Parallel texts by set, "help" and "ui", and the checksum of each package's file.

    By default the help alone. The packages are fetched into folder, without root; those that are
    there and pass apt's checksum are used again. Strings of the interface are only trained on.
    """
    check_sets(sets)
    require_tools()
    folder.mkdir(parents=True, exist_ok=True)
    origin: dict[str, str] = {}
    segments = {}
    for name in sets or ("help",):
        sources, targets = READERS[name](folder, origin, (source, target))
        segments[name] = [
            Segment(key[0] if name == "help" else None, text, targets[key])
            for key, text in sources.items()
            if key in targets
        ]
    return segments, origin


def check_sets(sets: tuple[str, ...]) -> None:
    """Raise SharingError for a set that there is not."""
    for name in sets:
        if name not in READERS:
            raise SharingError(f"[data] sets has '{name}': choose from {', '.join(READERS)}")


def _read_help(folder: Path, origin: dict[str, str], languages: tuple[str, str]) -> list[Texts]:
    """Paragraphs by (file, id) in each language, without those that depend on the platform."""
    return [
        _paragraphs(_fetch(f"libreoffice-help-{_packaged(language)[0]}", folder, origin), language)
        for language in languages
    ]


def _paragraphs(package: Path, language: str) -> Texts:
    tree = HELP_TREES / _packaged(language)[1]
    parser = lxml.html.HTMLParser(encoding="utf-8")
    texts = {}
    with unpacked(package) as files:
        root = files / tree / "text"
        for file in sorted(root.rglob("*.html")):
            document = file.relative_to(root).as_posix()
            for element in lxml.html.parse(str(file), parser).iterfind(".//*[@id]"):
                identifier = element.get("id")
                if not identifier.startswith(("par_", "hd_")) or element.xpath(".//*[@hidden]"):
                    continue
                texts[document, identifier] = element.text_content()
    if not texts:
        raise SharingError(f"{package.name} holds no help under {tree}: {OWN_TEXT}")
    return texts


def _read_interface(
    folder: Path, origin: dict[str, str], languages: tuple[str, str]
) -> list[Texts]:
    """Strings by (file, context and English text) in each language; English needs no package."""
    translations = {
        language: _messages(
            _fetch(f"libreoffice-l10n-{_packaged(language)[0]}", folder, origin), language
        )
        for language in languages
        if language != "en"
    }
    english = {key: _plain(key[1].partition("\4")[2]) for t in translations.values() for key in t}
    return [translations.get(language, english) for language in languages]


def _messages(package: Path, language: str) -> Texts:
    tree = INTERFACE_TREES / _packaged(language)[1] / "LC_MESSAGES"
    with unpacked(package) as files:
        texts = {
            (file.name, f"{entry.msgctxt}\4{entry.msgid}"): _plain(entry.msgstr)
            for file in sorted((files / tree).glob("*.mo"))
            for entry in polib.mofile(str(file))
        }
    if not texts:
        raise SharingError(f"{package.name} holds no messages under {tree}: {OWN_TEXT}")
    return texts


def _plain(text: str) -> str:
    """A string of the interface without the mark of its access key."""
    return re.sub(r"[_~](?=\w)", "", text)


def _packaged(language: str) -> tuple[str, str]:
    """What packages and their folders call a language."""
    return PACKAGED_NAMES.get(language, (language, language))


def _fetch(name: str, folder: Path, origin: dict[str, str]) -> Path:
    """The package's file; its checksum is noted."""
    package = fetch(name, folder)
    origin[package.name] = sha256(package)
    return package


READERS: dict[str, Callable[[Path, dict[str, str], tuple[str, str]], list[Texts]]] = {
    "help": _read_help,
    "ui": _read_interface,
}
