"""The legend below a chart: every system's name, in columns of one width."""

from dataclasses import dataclass

from .charts import Chart

LEFT, STEP = 12, 22
SAMPLE, LETTER, LETTERS = 40, 7.8, 46
"""What stands before a name, the width of one of its letters, and the most of them."""


@dataclass(frozen=True)
class Entry:
    """A name, where it stands, and the style of its system."""

    label: str
    x: float
    y: int
    style: int


def legend(chart: Chart, width: int, top: int) -> list[Entry]:
    """An entry for each system, from top on down."""
    styles = {series.label: series.style for series in chart.series}
    column_width = SAMPLE + LETTER * min(LETTERS, max(map(len, styles)))
    columns = max(1, int((width - LEFT) / column_width))
    entries = []
    for number, (label, style) in enumerate(styles.items()):
        row, column = divmod(number, columns)
        x, y = LEFT + column * column_width, top + row * STEP
        entries.append(Entry(_shortened(label), x, y, style))
    return entries


def _shortened(label: str) -> str:
    half = LETTERS // 2
    return label if len(label) <= LETTERS else f"{label[:half]}…{label[1 - half :]}"
