"""Paragraphs of two documents that have the same structure, and those that have not."""

import pytest
from lxml import etree

from fairseq_sharing.corpus.parallel_trees import paragraph_pairs


def pairs(source: str, target: str) -> list[tuple[str, str]]:
    parser = etree.XMLParser(resolve_entities=False)
    first, second = (etree.fromstring(f"<page>{text}</page>", parser) for text in (source, target))
    return list(paragraph_pairs(first, second))


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("<title>A <em>b</em>\n c</title>", "<title>B</title>", [("A b c", "B")]),
        ("<list><item><p>A</p></item></list>", "<list><item><p>B</p></item></list>", [("A", "B")]),
        ("<li>A<ul><li>B</li></ul></li>", "<li>C<ul><li>D</li></ul></li>", [("B", "D")]),
        ("<p>A</p><code>x</code>", "<code>y</code><p>B</p>", [("A", "B")]),
        ("<p>A</p><comment><p>B</p></comment>", "<p>C</p>", [("A", "C")]),
        ("<h2>3.1. A</h2>", "<h2>3.1. B</h2>", [("A", "B")]),
        ("<h2>3.1. A</h2>", "<h2>3.2. B</h2>", [("3.1. A", "3.2. B")]),
        ("<div class='toc'><p>A</p></div><p>B</p>", "<p>C</p>", [("B", "C")]),
        (
            "<p>Press <keyseq><key>Ctrl</key><key>C</key></keyseq>.</p>",
            "<p><keyseq><key>Strg</key> + <key>C</key></keyseq> drücken.</p>",
            [("Press Ctrl+C.", "Strg+C drücken.")],
        ),
        (
            "<p><guiseq><gui>File</gui> <gui>New</gui></guiseq></p>",
            "<p><guiseq><gui>Datei</gui><gui>Neu</gui></guiseq></p>",
            [("File > New", "Datei > Neu")],
        ),
    ],
)
def test_what_is_a_pair(source, target, wanted):
    assert pairs(source, target) == wanted


def test_where_structures_differ_the_rest_is_taken():
    source = "<p>A</p><section><p>B</p><p>C</p></section><section><p>D</p></section>"
    target = "<p>a</p><section><p>b</p></section><section><p>d</p></section>"
    assert pairs(source, target) == [("A", "a"), ("D", "d")]
    assert pairs("<p>A</p><title>B</title>", "<title>b</title><p>a</p>") == []
    assert pairs("<p>A</p>", "<p>a<ul><li>b</li></ul></p>") == []


def test_a_text_with_entities_is_no_pair():
    document = '<!DOCTYPE page [<!ENTITY app "App">]>'
    parser = etree.XMLParser(resolve_entities=False)
    roots = [
        etree.fromstring(f"{document}<page><p>{text}</p><p>B</p></page>", parser)
        for text in ("Start &app;", "App starten")
    ]
    assert list(paragraph_pairs(*roots)) == [("B", "B")]
