"""Pairs of paragraphs from two XML or HTML documents, aligned by the structure that they share.

A translation that is made paragraph by paragraph leaves the elements of a document as they are.
Where two elements hold different elements, nothing in them is taken: it may be no translation.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

PARAGRAPHS = frozenset(
    (
        "caption",
        "dd",
        "desc",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "li",
        "p",
        "td",
        "term",
        "th",
        "title",
    )
)
"""Elements of HTML, Mallard and DocBook that hold a text, unless they hold one another."""

NOT_TEXT = frozenset(
    ("code", "comment", "credit", "cmd", "head", "media", "pre", "revision", "screen", "script")
)
"""Elements that are in one language, or for those who write the document."""

NOT_TEXT_CLASSES = frozenset(("index", "navfooter", "navheader", "toc"))
"""Parts of an HTML page with those words in their class that are sorted or made by machine."""

SEPARATORS = {"keyseq": "+", "guiseq": " > "}
"""How keys and menus of Mallard are joined for readers."""

LABEL = re.compile(r"([A-Z]|\d+)(\.\d+)*\.\s+")
"""The number before a heading."""

Element = Any


def paragraph_pairs(source: Element, target: Element) -> Iterator[tuple[str, str]]:
    """The texts of paragraphs that have the same place in both elements.

    Separators are written into the elements.
    """
    if _is_paragraph(source) and _is_paragraph(target):
        if not (_has_entities(source) or _has_entities(target)):
            yield _without_label(_text(source), _text(target))
        return
    children, others = _parts(source), _parts(target)
    if list(map(_name, children)) == list(map(_name, others)):
        for child, other in zip(children, others, strict=True):
            yield from paragraph_pairs(child, other)


def _name(element: Element) -> str:
    return etree.QName(element).localname


def _is_paragraph(element: Element) -> bool:
    """Whether it holds a text, but none that holds another."""
    return _name(element) in PARAGRAPHS and not any(
        _name(inner) in PARAGRAPHS for inner in element.iterdescendants(etree.Element)
    )


def _parts(element: Element) -> list[Element]:
    """The elements in it that may hold text in its language."""
    return [
        child
        for child in element.iterchildren(etree.Element)
        if _name(child) not in NOT_TEXT
        and NOT_TEXT_CLASSES.isdisjoint(child.get("class", "").split())
    ]


def _has_entities(element: Element) -> bool:
    """Whether it names texts that are defined elsewhere."""
    return next(element.iter(etree.Entity), None) is not None


def _text(paragraph: Element) -> str:
    for sequence in paragraph.iterdescendants(etree.Element):
        separator = SEPARATORS.get(_name(sequence))
        if separator:
            for child in list(sequence)[:-1]:
                child.tail = (child.tail or "").strip() or separator
    return " ".join("".join(paragraph.itertext()).split())


def _without_label(source: str, target: str) -> tuple[str, str]:
    """Both without the number that they begin with, if it is the same."""
    label = LABEL.match(source)
    if label and target.startswith(label[0]):
        return source[label.end() :], target[label.end() :]
    return source, target
