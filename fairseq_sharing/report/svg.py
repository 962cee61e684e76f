"""Draws a chart as SVG, in colours that follow the page's or the reader's scheme."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from .charts import Chart, Point, Series
from .legend import STEP, legend
from .render import render

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 420, 48, 396, 34, 262
"""The drawing's width and the sides of the plot in it."""

SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4-4h8v8h-8z",
    "M0-5.5 5.5 0 0 5.5-5.5 0z",
    "M0-5 5 4H-5z",
    "M0 5 5-4H-5z",
    "M-1.7-5h3.4v3.3H5v3.4H1.7V5h-3.4V1.7H-5v-3.4h3.3z",
    "M-5-2.5V2.5L-2.5 5h5L5 2.5v-5L2.5-5h-5z",
    "M0-6 1.6-2.2 5.7-1.9 2.6.8 3.5 4.9 0 2.7-3.5 4.9-2.6.8-5.7-1.9-1.6-2.2z",
)
"""Circle, square, diamond, triangles, cross, octagon, star: what marks a system beside colour."""

COLOURS = len(SHAPES)
APART, FARTHEST = 9, 60
MARKS_A_LINE = 5
LEGEND = 318


@dataclass(frozen=True)
class Axis:
    """Values from low to high, drawn from one coordinate to another, with a line at each tick."""

    low: float
    high: float
    begin: float
    end: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self.begin + part * (self.end - self.begin), 1)

    def label(self, tick: float) -> str:
        """With as many decimals as any of the ticks needs."""
        decimals = max(len(f"{number:.9g}".partition(".")[2]) for number in self.ticks)
        return f"{tick:,.{decimals}f}"


@dataclass(frozen=True)
class Mark:
    """A system's shape at a place, the ends of its interval, and what a reader is told of it."""

    style: int
    x: float
    y: float
    top: float
    bottom: float
    text: str


def draw(chart: Chart, *, alone: bool = False) -> Markup:
    """The chart as an svg element; alone, with the styles that a page would give it.

    Costs begin at 0, so that small differences look small.
    """
    points = [point for series in chart.series for point in series.points]
    x = _axis(0, max(point.x for point in points), LEFT, RIGHT)
    ends = [point.y + sign * point.spread for point in points for sign in (-1, 1)]
    y = _axis(min(ends), max(ends), BOTTOM, TOP)
    entries = legend(chart, WIDTH, LEGEND)
    return render(
        "chart.svg",
        chart=chart,
        alone=alone,
        x=x,
        y=y,
        lines=[(s.style, _line(s.points, x, y)) for s in chart.series if chart.lines],
        marks=_curve_marks(chart, x, y) if chart.lines else _point_marks(chart, x, y),
        legend=entries,
        colour=colour,
        shape=_shape,
        width=WIDTH,
        height=entries[-1].y + STEP / 2,
        ends=[_statement(series, chart, series.points[-1]) for series in chart.series],
    )


def colour(number: int) -> str:
    """The class that gives a system or unique layer its colour; a page has eight of them."""
    return f"s{number % COLOURS}"


def _shape(style: int) -> str:
    """The shape of a system's marks; systems of the same colour differ in it."""
    return SHAPES[(style + style // COLOURS) % len(SHAPES)]


def _axis(low: float, high: float, begin: float, end: float) -> Axis:
    """From the round number at or below low to the one at or above high, in few round steps."""
    if high - low <= 1e-6 * high:
        low, high = low - 0.5, high + 0.5
    least = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(least))
    step = min(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(number * step, 9) for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], begin, end, ticks)


def _line(points: tuple[Point, ...], x: Axis, y: Axis) -> str:
    return " ".join(f"{x.place(point.x)},{y.place(point.y)}" for point in points)


def _curve_marks(chart: Chart, x: Axis, y: Axis) -> list[Mark]:
    """A few marks on each line, one at its end: they tell lines apart without colour."""
    marks = []
    for series in chart.series:
        every = math.ceil(len(series.points) / MARKS_A_LINE)
        for point in series.points[::-every]:
            text, place = _statement(series, chart, point), y.place(point.y)
            marks.append(Mark(series.style, x.place(point.x), place, place, place, text))
    return marks


def _point_marks(chart: Chart, x: Axis, y: Axis) -> list[Mark]:
    """One for each system; those at the same x, to 1 %, are moved apart."""
    marks = []
    near = 0.01 * (x.high - x.low)
    by_x = sorted(chart.series, key=lambda series: series.points[0].x)
    for series in chart.series:
        (point,) = series.points
        same = [s.label for s in by_x if abs(s.points[0].x - point.x) <= near]
        step = min(APART, FARTHEST / len(same))
        moved = (same.index(series.label) - (len(same) - 1) / 2) * step
        marks.append(
            Mark(
                series.style,
                x.place(point.x) + moved,
                y.place(point.y),
                y.place(point.y + point.spread),
                y.place(point.y - point.spread),
                _statement(series, chart, point),
            )
        )
    return marks


def _statement(series: Series, chart: Chart, point: Point) -> str:
    """A point in words."""
    spread = f" ± {point.spread:.1f}" if point.spread else ""
    value = f"{point.y:.3g}" if chart.lines else f"{point.y:.1f}"
    return f"{series.label}: {value}{spread} at {_rounded(point.x)} {chart.unit}"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
