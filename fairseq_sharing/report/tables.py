"""The report's tables as people read them, whatever they are written in."""

from dataclasses import dataclass, field

from .cells import Cells, decimals_of, depths, ends, figure_of, headings, number, p_value, speed_of
from .notes import notes_of_results, notes_on_paper, notes_on_times
from .paper import PaperRow
from .rows import Row
from .summary import Report


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names what the row is about, the others hold figures.

    lines is how many rows at a time belong together.
    """

    title: str
    columns: Cells
    rows: list[Cells]
    notes: list[str] = field(default_factory=list)
    lines: int = 1


def tables_of(report: Report) -> list[Table]:
    """Results first; then those beside the paper, if rows of it are named; then what they cost."""
    named = any(row.paper for row in report.rows)
    return [results(report), *([beside_paper(report)] if named else []), times_to_loss(report)]


def results(report: Report) -> Table:
    """Size, speed, scores of every test set, p-value against the baseline."""
    sets, compared = report.test_sets, _paper_scores(report)
    columns = ["system", "M", "N", "parameters", "training speed"]
    measures = report.rows[0].first.measures
    both = [measures.main.name, measures.second.name]
    columns += [*headings(sets), "average"] if len(sets) > 1 else both
    columns += ["p-value", "paper", "difference"] if compared else ["p-value"]
    rows = []
    for row in report.rows:
        main, second = row.average(), row.average(measures.second)
        decimals = row.main.decimals
        cells = [row.title, *depths(row), f"{row.first.parameters:,}", speed_of(row.relative_speed)]
        figures = [row.figure(name, intervals=not report.several_seeds) for name in sets]
        cells += [figure_of(figure, decimals) for figure in figures]
        cells += [
            figure_of(main, decimals)
            if len(sets) > 1
            else f"{second.mean:.{measures.second.decimals}f}",
            ends(row.p_values.values(), p_value),
        ]
        if compared:
            paper = compared.get(row.label)
            cells += ["-", "-"] if paper is None else [f"{paper:.2f}", f"{main.mean - paper:+.2f}"]
        rows.append(tuple(cells))
    return Table(report.title, tuple(columns), rows, notes_of_results(report))


def beside_paper(report: Report) -> Table:
    """Three lines for every row of the paper: this report's figures, the paper's, how they differ.

    Scores are those of the paper's test sets; the average is compared if all of them are here, and
    speeds if they are relative to the same system.
    """
    theirs = report.paper_table.test_sets
    sets = [name for name in report.test_sets if name in theirs]
    whole = 1 < len(sets) == len(theirs) == len(report.test_sets)
    alike = any(
        row.label == report.baseline and row.paper is not None and row.paper.relative_speed == 1
        for row in report.rows
    )
    columns = ["system", "parameters", "training speed", *headings(sets)]
    columns += ["average"] if whole else []
    rows = [
        line
        for row in report.rows
        if row.paper is not None
        for line in _three_lines(row, row.paper, sets, whole=whole, alike=alike)
    ]
    return Table("Beside the paper", tuple(columns), rows, notes_on_paper(report), lines=3)


def times_to_loss(report: Report) -> Table:
    """Updates and minutes, in all and to the report's validation loss."""
    loss = report.valid_loss
    columns = ["system", "updates", "minutes", "updates/s", "final loss"]
    columns += [f"{unit} to {number(loss, 3)}" for unit in ("updates", "minutes")]
    rows = []
    for row in report.rows:
        updates, minutes = (None, None) if loss is None else row.time_to(loss)
        cells = [row.title, ends(row.updates, "{:,}".format), number(row.minutes, 1)]
        cells += [number(row.updates_per_second, 2), number(row.final_loss, 3)]
        rows.append((*cells, number(updates, 0), number(minutes, 1)))
    return Table("Time to a validation loss", tuple(columns), rows, notes_on_times(report))


def _three_lines(
    row: Row, paper: PaperRow, sets: list[str], *, whole: bool, alike: bool
) -> list[Cells]:
    """With the average if it is of the whole table; speeds differ if they are alike."""
    own_scores = [row.figure(name).mean for name in sets]
    theirs = [paper.scores[name] for name in sets]
    if whole:
        own_scores.append(row.average().mean)
        theirs.append(paper.average)
    speed, their_speed = row.relative_speed, paper.relative_speed
    faster = "-"
    if alike and speed is not None and their_speed is not None:
        faster = f"{speed - their_speed:+.2f}"
    millions = f"{row.first.parameters / 1e6:.0f}M"
    differences = [own - other for own, other in zip(own_scores, theirs, strict=True)]
    return [
        (row.label, millions, speed_of(speed), *decimals_of(own_scores)),
        (
            f"paper: {paper.name}",
            paper.parameters,
            speed_of(paper.relative_speed),
            *decimals_of(theirs),
        ),
        ("difference", "", faster, *(f"{value:+.2f}" for value in differences)),
    ]


def _paper_scores(report: Report) -> dict[str, float]:
    """The paper's score for what the report's average is of: all of its test sets, or the one."""
    sets, rows = report.test_sets, [row for row in report.rows if row.paper]
    if len(sets) == 1 and sets[0] in report.paper_table.test_sets:
        return {row.label: row.paper.scores[sets[0]] for row in rows if row.paper}
    if sorted(sets) == sorted(report.paper_table.test_sets):
        return {row.label: row.paper.average for row in rows if row.paper}
    return {}
