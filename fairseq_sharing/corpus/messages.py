"""Strings of programs' interfaces: gettext's catalogues, each a translation of the same English."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polib

from ..errors import SharingError
from .debian import OWN_TEXT, Packages, unpacked
from .parallel_text import Segment

LANGUAGE_PACKS = "usr/share/locale-langpack/{}"

Texts = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Catalogues:
    """The catalogues of a program: for a language, their package and the folder above them.

    domain is the name of one that Ubuntu may have moved into a language's pack.
    """

    package: Callable[[str], str]
    tree: Callable[[str], str]
    domain: str = ""

    def read(self, packages: Packages, languages: tuple[str, str]) -> list[Segment]:
        """Strings by (file, context and English text), which are only trained on.

        English needs no package.
        """
        translations = {
            language: self._messages(packages, language)
            for language in languages
            if language != "en"
        }
        english = {
            key: _plain(key[1].partition("\4")[2])
            for texts in translations.values()
            for key in texts
        }
        sources, targets = (translations.get(language, english) for language in languages)
        return [
            Segment(None, text, targets[key]) for key, text in sources.items() if key in targets
        ]

    def _messages(self, packages: Packages, language: str) -> Texts:
        moved = f"language-pack-{language}-base" if self.domain else ""
        for package in packages.fetch_any(self.package(language), moved):
            with unpacked(package) as files:
                texts = {
                    (file.name, f"{entry.msgctxt}\4{entry.msgid}"): _plain(entry.msgstr)
                    for tree in (self.tree(language), LANGUAGE_PACKS.format(language))
                    for file in sorted(files.glob(f"{tree}/LC_MESSAGES/{self.domain or '*'}.mo"))
                    for entry in polib.mofile(str(file))
                }
            if texts:
                return texts
        tree = Path(self.tree(language), "LC_MESSAGES")
        raise SharingError(f"{package.name} holds no messages under {tree}: {OWN_TEXT}")


def _plain(text: str) -> str:
    """A string of the interface without the mark of its access key."""
    return re.sub(r"[_~](?=\w)", "", text)


def messages_of(package: str, domain: str = "") -> Catalogues:
    """The catalogues where a program's package has them for all languages."""
    return Catalogues(lambda _: package, lambda language: f"usr/share/locale/{language}", domain)
