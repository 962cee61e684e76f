"""Parallel text from LibreOffice, as Debian and Ubuntu package it.

Its help exists in dozens of languages as the same HTML files with the same paragraph ids, and its
interface as translations of the same English strings, so that nothing needs a sentence aligner or a
download page.
"""

from pathlib import Path

import lxml.html

from ..errors import SharingError
from .debian import OWN_TEXT, Packages, unpacked
from .messages import Catalogues, Texts
from .parallel_text import Segment

PACKAGED_NAMES = {"en": ("en-us", "en-US"), "zh": ("zh-cn", "zh-CN")}
HELP_TREES = Path("usr/share/libreoffice/help")


def read_help(packages: Packages, languages: tuple[str, str]) -> list[Segment]:
    """Paragraphs by (file, id) in each language, without those that depend on the platform."""
    sources, targets = (
        _paragraphs(packages.fetch(f"libreoffice-help-{_packaged(language)[0]}"), language)
        for language in languages
    )
    return [Segment(key[0], text, targets[key]) for key, text in sources.items() if key in targets]


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


def read_interface(packages: Packages, languages: tuple[str, str]) -> list[Segment]:
    """Strings of the interface."""
    interface = Catalogues(
        package=lambda language: f"libreoffice-l10n-{_packaged(language)[0]}",
        tree=lambda language: f"usr/lib/libreoffice/program/resource/{_packaged(language)[1]}",
    )
    return interface.read(packages, languages)


def _packaged(language: str) -> tuple[str, str]:
    """The name of a language in packages and their folders."""
    return PACKAGED_NAMES.get(language, (language, language))
