"""Strings of programs' interfaces: gettext's catalogues, each a translation of the same English."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polib

from ..errors import SharingError
from .debian import OWN_TEXT, Packages, unpacked
from .parallel_text import Segment

Texts = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Catalogues:
    """The catalogues of a program: for a language, their package and the folder above them."""

    package: Callable[[str], str]
    tree: Callable[[str], str]

    def read(self, packages: Packages, languages: tuple[str, str]) -> list[Segment]:
        """Strings by (file, context and English text), which are only trained on.

        English needs no package.
        """
        translations = {
            language: self._messages(packages.fetch(self.package(language)), language)
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

    def _messages(self, package: Path, language: str) -> Texts:
        tree = Path(self.tree(language), "LC_MESSAGES")
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


def messages_of(package: str) -> Catalogues:
    """The catalogues where a program's package has them for all languages."""
    return Catalogues(lambda _: package, lambda language: f"usr/share/locale/{language}")
