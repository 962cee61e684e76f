"""A report on systems whose sublayers have maps of their own draws and counts each of them."""

import csv

import pytest
from lxml import html
from planted_runs import EXPERIMENT, plant

from fairseq_sharing.cli import main

SAID = 'unique_layers = 6\nshare_sublayers = "ffn"\nown = "norms"\nown_rank = 8'


@pytest.fixture
def written(tmp_path):
    plant(tmp_path / "runs", EXPERIMENT.replace("unique_layers = 6", SAID))
    assert main(["report", str(tmp_path / "runs"), "--output", str(tmp_path / "report")]) == 0
    return tmp_path / "report"


def test_each_map_is_drawn_and_counted(written):
    page = html.document_fromstring((written / "report.html").read_text("utf-8"))
    drawn = {
        (row.xpath("../dt")[0].text, row.xpath("span[@class='side']")[0].text): "".join(
            row.xpath(".//span[@role='img']")[0].itertext()
        )
        for row in page.xpath("//dl[@class='maps']//dd")
    }
    name = "deep_rev (each layer's own: norms rank 8)"
    assert drawn[name, "encoder ffn"] == drawn[name, "decoder ffn"] == "012345543210"
    assert drawn[name, "decoder cross-attention"] == "01234567891011"
    assert drawn["base", "encoder"] == "012345"
    table = (written / "table.md").read_text()
    assert "| 12,6+12,12,6 |" in " ".join(table.split())
    assert "M of self-attention, cross-attention, ffn in turn" in table
    with (written / "table.csv").open() as file:
        assert {row["unique_layers"] for row in csv.DictReader(file)} == {"6", "12,6"}
