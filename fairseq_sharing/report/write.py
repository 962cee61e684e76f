"""Writes a report's files: tables, figures as CSV, charts and the page."""

from pathlib import Path

from ..files import write_text
from .charts import charts_of
from .latex import latex
from .page import page
from .summary import Report
from .svg import draw
from .tables import tables_of
from .text import comma_separated, markdown

FILES = "report.html, table.md, table.csv, table.tex and charts"


def write(report: Report, folder: Path) -> None:
    """Fill the folder; everything is made before the first file is written."""
    tables, charts = tables_of(report), charts_of(report)
    files = {
        "table.md": markdown(tables),
        "table.csv": comma_separated(report),
        "table.tex": latex(tables),
        "report.html": page(report, tables, charts),
        **{f"{chart.name}.svg": draw(chart, alone=True) for chart in charts},
    }
    for name, text in files.items():
        write_text(folder / name, text)
