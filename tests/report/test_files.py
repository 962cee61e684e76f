"""What report writes: Markdown, CSV, LaTeX, SVG and the page, each read back with a library."""

import csv
import json
import re
import statistics

import pytest
from lxml import etree, html
from rich.console import Console
from support import run

from fairseq_sharing.cli import main
from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import Table, results
from fairseq_sharing.report.text import markdown, show


@pytest.fixture(scope="module")
def written(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("my report") / "new"
    assert main(["report", str(planted), "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def page(written):
    return html.document_fromstring((written / "report.html").read_text("utf-8"))


def test_csv_gives_the_scores_back_unrounded(planted, written):
    with (written / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        folder = row["system"] + ("" if row["seed"] == "1" else "-seed2")
        scores = json.loads((planted / folder / "scores.json").read_text())
        assert float(row["bleu"]) == scores[row["test_set"]]["bleu"]
        assert row["p_value_all_sets"] == "" or row["system"] == "deep_rev"
        assert (row["loss_to_reach"], row["paper_bleu"] != "") == ("3.9", True)
    means = [statistics.fmean(float(r["bleu"]) for r in rows if r["system"] == name) for name in
             ("base", "deep_rev")]  # fmt: skip
    table = (written / "table.md").read_text()
    assert [f"{mean:.1f} ±" in table for mean in means] == [True, True]


def test_markdown_rows_are_as_wide_as_their_headings(written):
    blocks = re.findall(r"(?:^\|.*\n)+", (written / "table.md").read_text(), re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1
        assert re.match(r"\|[-:| ]+\|$", block.splitlines()[1])


def test_terminal_never_cuts_a_table(planted):
    console = Console(record=True, width=40)
    show(results(summarise(find_runs([planted]))), console)
    shown = console.export_text()
    assert "61,000,001" in shown
    assert "p-value" in shown
    assert "…" not in shown


def test_a_terminal_that_is_ascii_gets_replacements(planted, tmp_path):
    options = ("--output", tmp_path / "report")
    printed = run("fairseq-sharing", "report", planted, *options, env={"PYTHONIOENCODING": "ascii"})
    assert re.search(r"base .* \d\d\.\d \? \d\.\d", printed.stdout)
    assert "±" in (tmp_path / "report" / "table.md").read_text("utf-8")


def test_names_are_no_markup():
    table = Table("[red]title", ("system", "BLEU"), [("[b]|one[/b]", "1.0")], ["[i]note"])
    console = Console(record=True, width=40)
    show(table, console)
    shown = console.export_text()
    assert all(text in shown for text in ("[red]title", "[b]|one[/b]", "[i]note"))
    assert r"| [b]\|one[/b] |" in markdown([table])


def test_drawings_stand_alone_and_name_every_system(written):
    files = sorted(written.glob("*.svg"))
    assert [file.stem for file in files] == [
        *("average-bleu-by-parameters", "average-bleu-by-training-time"),
        *("validation-loss-by-time", "validation-loss-by-updates"),
    ]
    for file in files:
        drawing = etree.parse(file).getroot()
        texts = [element.text for element in drawing.iter("{*}text")]
        assert {"base", "deep_rev"} <= set(texts)
        assert "prefers-color-scheme" in drawing.find("{*}style").text


def test_the_page_needs_nothing_else_and_runs_nothing_from_data(written, page):
    assert page.xpath("//@src | //link | //iframe | //object | //@onload | //@onclick") == []
    assert all(address.startswith("#") for address in page.xpath("//@href"))
    source = (written / "report.html").read_text()
    addresses = set(re.findall(r"https?://[^\"'\s<>)]+", source))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in source
    assert "url(" not in source
    (script,) = page.xpath("//script")
    assert "alert" not in script.text
    assert "alert(1)" in page.xpath("string(//details/pre)")
    assert page.xpath("//article//del[contains(., '<script>')]")
    assert "<b>words</b>" in page.xpath("string(//article//dd)")


def test_the_page_is_accessible(page):
    assert page.get("lang") == "en"
    assert page.xpath("//meta[@name='viewport']")
    assert page.xpath("//h2 | //h3[not(ancestor::article)]")[0].text == "Results"
    assert page.xpath("//table/caption/text()") == page.xpath("//div[@role='region']/@aria-label")
    for table in page.xpath("//table"):
        assert len(table.xpath("./thead//th[@scope='col']")) == len(table.xpath("./thead//th"))
        assert all(row.xpath("./th[@scope='row']") for row in table.xpath("./tbody/tr"))
    names = page.xpath("//svg/@aria-labelledby")
    assert len(names) == len(set(names)) == 4
    assert set(names) == set(page.xpath("//svg/title/@id"))
    assert page.xpath("//svg/@aria-describedby") == page.xpath("//svg/desc/@id")
    for values in page.xpath("//svg/desc/text()"):
        assert re.match(r"base: .* at .*; deep_rev: .* at ", values)
    assert page.xpath("//label/@for") == page.xpath("//select/@id")
    assert len(page.xpath("//@id")) == len(set(page.xpath("//@id")))
    assert page.xpath("//select/option/@value") == page.xpath("//div[@class='pair']/@id")


def test_the_page_says_what_was_trained_with(page):
    (machine,) = page.xpath("//dl[@class='facts']")
    facts = dict(zip(machine.xpath("./dt/text()"), machine.xpath("./dd/text()"), strict=True))
    assert facts == {
        "torch": "2.13.0", "cpu": "A", "cores": "2", "gpus": "2 x name B, memory_gib 79.1",
    }  # fmt: skip
    assert page.xpath("//summary")[0].text == "Versions and hardware: all trainings"


def test_maps_are_drawn_as_they_are(page):
    strips = page.xpath("//dd[.//@aria-label]//span[@role='img']")
    maps = ["".join(strip.itertext()) for strip in strips]
    assert maps == ["012345"] * 2 + ["012345543210"] * 2
