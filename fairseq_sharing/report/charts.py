"""What the report draws: learning curves, and scores against parameters and time."""

from collections.abc import Callable
from dataclasses import dataclass

from .rows import Figure, Row
from .speeds import minutes
from .summary import Report
from .trainings import Training

XAxis = Callable[[Training, int], float | None]

LEFT_OUT, IN_WORDS = 1 / 5, "the first fifth left out"
"""The first part of a learning curve, left out: its steep fall would hide differences."""


@dataclass(frozen=True)
class Point:
    """A place in the units of a chart's axes; spread is the half-height of its interval."""

    x: float
    y: float
    spread: float = 0.0


@dataclass(frozen=True)
class Series:
    """A line or point of one system; style numbers its colour, dashes and shape."""

    label: str
    style: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """Lines, or single points that are drawn side by side where they have the same x.

    unit is that of x; remark says what the drawing does to the values.
    """

    title: str
    unit: str
    remark: str
    series: tuple[Series, ...]
    lines: bool

    @property
    def name(self) -> str:
        """The title as part of a file's name or an address."""
        return self.title.lower().replace(" ", "-")


def charts_of(report: Report) -> list[Chart]:
    """Those that have something to show: a log may lack validations or speeds."""
    charts = [
        _losses(report, "updates", "updates", lambda training, updates: updates),
        _losses(report, "time", "minutes", minutes),
        _scores(report, "parameters", "million parameters", _millions),
        _scores(report, "training time", "minutes", lambda row: row.minutes),
    ]
    return [chart for chart in charts if chart.series]


def _losses(report: Report, by: str, unit: str, x_of: XAxis) -> Chart:
    """A line for each training, up to its last validation."""
    series = []
    for style, row in enumerate(report.rows):
        for training in row.trainings:
            losses = sorted(training.log.valid_losses.items())
            begin = LEFT_OUT * max(training.log.valid_losses, default=0)
            pairs = [(x_of(training, updates), loss) for updates, loss in losses if updates > begin]
            points = tuple(Point(x, loss) for x, loss in pairs if x is not None)
            if points:
                series.append(Series(row.label, style, points))
    return Chart(f"Validation loss by {by}", unit, IN_WORDS, tuple(series), lines=True)


def _scores(report: Report, by: str, unit: str, x_of: Callable[[Row], float | None]) -> Chart:
    """A point for each system."""
    series = []
    for style, row in enumerate(report.rows):
        x, figure = x_of(row), _quality(report, row)
        if x is not None:
            point = Point(x, figure.mean, figure.spread or 0.0)
            series.append(Series(row.label, style, (point,)))
    name = report.rows[0].main.name
    quality = name[0].upper() + name[1:] if len(report.test_sets) == 1 else f"Average {name}"
    remark = "near ones side by side"
    return Chart(f"{quality} by {by}", unit, remark, tuple(series), lines=False)


def _quality(report: Report, row: Row) -> Figure:
    """BLEU of a single test set with its interval, else the average of all."""
    if len(report.test_sets) == 1:
        return row.figure(report.test_sets[0], intervals=not report.several_seeds)
    return row.average()


def _millions(row: Row) -> float:
    return row.first.parameters / 1e6
