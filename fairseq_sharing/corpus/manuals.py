"""Manuals in several languages, which packages hold as XML or HTML documents of one structure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree, html

from ..errors import SharingError
from .debian import OWN_TEXT, Packages, unpacked
from .parallel_text import Segment
from .parallel_trees import paragraph_pairs


@dataclass(frozen=True)
class Manual:
    """A manual: its package and the pattern of its files, where {} stands for the language.

    names are what its files call languages by other names than their codes. Ubuntu takes some
    translations out of a package, into the one that moved names.
    """

    package: str
    files: str
    names: Mapping[str, str] = field(default_factory=dict)
    moved: str = ""

    def read(self, packages: Packages, languages: tuple[str, str]) -> list[Segment]:
        """Paragraphs of the same place in both languages, in documents named after their files."""
        sources, targets = (self._documents(packages, language) for language in languages)
        segments = [
            Segment(document, *texts)
            for document, source in sources.items()
            if document in targets
            for texts in paragraph_pairs(source, targets[document])
        ]
        if not segments:
            raise SharingError(
                f"{' and '.join(packages.checksums)}: no document under {self.files} has the same "
                f"structure in {' and '.join(languages)}: {OWN_TEXT}"
            )
        return segments

    def _documents(self, packages: Packages, language: str) -> dict[str, Any]:
        """The roots of all documents by their files' paths without what says the language."""
        called = self.names.get(language, language)
        pattern = self.files.format(called)
        for package in packages.fetch_any(
            *(p.format(language) for p in (self.package, self.moved))
        ):
            with unpacked(package) as folder:
                documents = {
                    _without_language(file.relative_to(folder), called): _root(file)
                    for file in sorted(folder.glob(pattern))
                    if file.is_file()  # links of Ubuntu to files in another package
                }
            if documents:
                return {name: root for name, root in documents.items() if root is not None}
        raise SharingError(f"{package.name} holds no {pattern}: {OWN_TEXT}")


def _without_language(path: Path, language: str) -> str:
    return path.as_posix().replace(f"/{language}/", "/").replace(f".{language}.", ".")


def _root(file: Path) -> Any:
    """The root of a document, or what is shown of an HTML page, if anything; without comments."""
    if file.suffix == ".html":
        parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        root = html.parse(str(file), parser).getroot()
        return None if root is None else root.find("body")
    safe = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.parse(str(file), safe).getroot()
    except etree.XMLSyntaxError as error:
        raise SharingError(f"{file} is not XML: {error}") from None
