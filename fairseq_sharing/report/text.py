"""Tables for a terminal and as Markdown; every figure as CSV."""

import csv
import io
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text
from tabulate import tabulate

from .rows import Row
from .speeds import minutes, updates_to
from .summary import Report
from .tables import Table


def show(table: Table, console: Console) -> None:
    """Print a table and its notes."""
    title = Text(table.title, "table.title")
    shown = RichTable(*table.columns, title=title, box=box.SIMPLE, pad_edge=False)
    for column in shown.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for number, row in enumerate(table.rows, 1):
        end = table.lines > 1 and number % table.lines == 0
        shown.add_row(*map(Text, row), end_section=end)
    print_whole(shown, console)
    for note in table.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)


def print_whole(table: RichTable, console: Console) -> None:
    """Print a table that is not cut where it is wider than the terminal."""
    widest = console.options.update(max_width=1000)
    width = console.width
    console.width = max(width, Measurement.get(console, widest, table).maximum)
    console.print(table, crop=False)
    console.width = width


def markdown(tables: list[Table]) -> str:
    """The tables under their titles, with their notes as paragraphs."""
    parts = [[f"## {table.title}", _piped(table), *table.notes] for table in tables]
    return "\n\n".join(paragraph for part in parts for paragraph in part) + "\n"


def _piped(table: Table) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    alignment = ["left"] + ["right"] * (len(table.columns) - 1)
    return tabulate(rows, table.columns, tablefmt="pipe", disable_numparse=True, colalign=alignment)


def comma_separated(report: Report) -> str:
    """Unrounded figures, a line for each training and test set; empty where there is none."""
    records = [record for row in report.rows for record in _records(report, row)]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def _records(report: Report, row: Row) -> list[dict[str, Any]]:
    side, side_map = next(iter(row.first.run.maps.items()))
    records = []
    for training, speed in zip(row.trainings, row.relative_speeds, strict=True):
        loss = report.valid_loss
        updates = None if loss is None else updates_to(training, loss)
        facts = {
            "system": row.label,
            "seed": training.run.seed,
            "unique_layers": side_map.short_counts,
            "layers": training.depth_of(side),
            "parameters": training.parameters,
            "updates": training.updates,
            "outcome": training.outcome,
            "updates_per_second": training.updates_per_second,
            "relative_speed": speed.value,
            "training_minutes": minutes(training, training.updates),
            "final_loss": training.log.valid_loss,
            "loss_to_reach": loss,
            "updates_to_loss": updates,
            "minutes_to_loss": None if updates is None else minutes(training, updates),
            "p_value_all_sets": row.p_values.get(training.run.seed),
        }
        for name, score in training.scores.items():
            paper = row.paper.scores.get(name) if row.paper else None
            beside = {f"paper_{row.main.field}": paper}
            records.append({**facts, "test_set": name, **asdict(score), **beside})
    return records
