"""The paper's tables, the reference for experiments that repeat them: one for each kind of model.

Takase and Kiyono, "Lessons on Parameter Sharing across Layers in Transformers", SustaiNLP 2023,
arXiv 2104.06022. A row is known by its method, M and N, as a system's ``paper`` gives it.
"""

from dataclasses import dataclass

from ..errors import SharingError
from ..experiment.kinds import LANGUAGE_MODEL, TRANSLATION


@dataclass(frozen=True)
class PaperRow:
    """What the paper reports of one system; parameters as it rounds them, such as 61M.

    scores are by test set, BLEU or perplexity; relative_speed is None where it gives none.
    """

    name: str
    parameters: str
    relative_speed: float | None
    scores: dict[str, float]
    average: float


@dataclass(frozen=True)
class PaperTable:
    """A table: its name, what it is of, its test sets and its rows by their names."""

    name: str
    subject: str
    test_sets: tuple[str, ...]
    rows: dict[str, PaperRow]


# METHOD M/N | parameters | training speed relative to Vanilla 6/6 | BLEU of test sets | average
_TABLE_1 = """\
Vanilla 6/6 | 61M | 1.00 | 24.16 22.01 22.33 26.13 27.13 29.83 34.41 | 26.57
Admin 6/6 | 61M | 0.97 | 24.14 21.93 22.25 26.14 27.05 29.59 34.23 | 26.48
Universal 1/6 | 63M | 0.48 | 24.37 22.33 22.70 26.40 27.65 30.24 34.60 | 26.90
Vanilla (big) 6/6 | 210M | 0.39 | 24.31 22.21 22.75 26.39 28.28 30.35 33.40 | 26.81
Sequence 6/12 | 61M | 0.63 | 24.65 22.32 22.83 26.98 27.88 30.27 34.99 | 27.13
Cycle 6/12 | 61M | 0.63 | 24.51 22.43 22.69 26.61 27.91 30.37 34.77 | 27.04
Cycle (rev) 6/12 | 61M | 0.63 | 24.66 22.47 22.87 26.68 27.72 30.37 34.81 | 27.08
Sequence 6/18 | 61M | 0.47 | 24.53 22.44 22.73 26.59 27.73 30.30 34.80 | 27.02
Cycle 6/18 | 61M | 0.47 | 24.74 22.60 23.04 26.89 28.14 30.54 34.79 | 27.25
Cycle (rev) 6/18 | 61M | 0.47 | 24.93 22.77 23.09 26.88 28.09 30.60 34.84 | 27.31
"""

# METHOD M/N | perplexity of the test split
_TABLE_5 = """\
Vanilla 6/6 | 21.13
Universal 1/6 | 23.84
Sequence 6/12 | 19.69
Cycle 6/12 | 19.69
Cycle (rev) 6/12 | 20.24
"""
NEWSTESTS = tuple(f"newstest{year}" for year in range(2010, 2017))
WIKITEXT = "wikitext-103"


def _translation(line: str) -> PaperRow:
    name, parameters, speed, bleu, average = line.split(" | ")
    scores = dict(zip(NEWSTESTS, map(float, bleu.split()), strict=True))
    return PaperRow(name, parameters, float(speed), scores, float(average))


def _language_model(line: str) -> PaperRow:
    name, perplexity = line.split(" | ")
    return PaperRow(name, "121M", None, {WIKITEXT: float(perplexity)}, float(perplexity))


TABLES = {
    TRANSLATION.name: PaperTable(
        "Table 1",
        "WMT16 English-German, speed relative to Vanilla 6/6",
        NEWSTESTS,
        {row.name: row for row in map(_translation, _TABLE_1.splitlines())},
    ),
    LANGUAGE_MODEL.name: PaperTable(
        "Table 5",
        "perplexity on the test split of WikiText-103, lower is better",
        (WIKITEXT,),
        {row.name: row for row in map(_language_model, _TABLE_5.splitlines())},
    ),
}
"""By the kind of experiment."""


def paper_row(name: str, kind: str) -> PaperRow:
    """The row of a system's ``paper`` key; SharingError if the kind's table has no such row."""
    table = TABLES[kind]
    if name not in table.rows:
        raise SharingError(f"paper = '{name}': {table.name} has the rows {', '.join(table.rows)}")
    return table.rows[name]
