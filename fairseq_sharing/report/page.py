"""The report as one HTML page that needs nothing else."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..model.own import parse_own
from ..model.strategies import LayerMap
from ..model.sublayers import SideMap, in_words
from .charts import Chart
from .render import render
from .rows import Row
from .sentences import LEAST_WORDS, pairs_of
from .summary import Report
from .svg import colour, draw
from .tables import Table
from .trainings import Training

OF_ONE_RUN = ("started", "command", "host", "slurm_job", "earlier")
"""The entries of versions.json on which no figure depends."""


def page(report: Report, tables: list[Table], charts: Iterable[Chart]) -> str:
    """The page's text, with its styles, drawings and the little script that it needs."""
    first = report.rows[0].first.run.experiment
    return render(
        "page.html",
        report=report,
        languages=first.languages,
        translates=first.models.translates,
        tables=tables,
        charts=[draw(chart) for chart in charts],
        maps=[(_label(row), list(_strips(row.first.run.maps))) for row in report.rows],
        colour=colour,
        least_words=LEAST_WORDS,
        pairs=pairs_of(report) if first.models.translates else [],
        machines=_machines(report.trainings),
    )


def _label(row: Row) -> str:
    """A system's name, and what its layers keep of their own."""
    system = row.first.run.system
    own = parse_own(system.own, system.own_rank)
    return f"{row.label} (each layer's own: {own})" if own else row.label


def _strips(maps: Mapping[str, SideMap]) -> Iterator[tuple[str, LayerMap]]:
    """What is drawn of a model: each map with the name of its side, and of its sublayer if any."""
    for side, side_map in maps.items():
        for part, layers in side_map.parts.items():
            yield f"{side} {in_words(part)}".strip(), layers


def _machines(trainings: list[Training]) -> list[tuple[list[str], dict[str, str]]]:
    """Each environment of versions.json, and the runs that were trained in it."""
    groups: list[tuple[list[str], dict[str, str]]] = []
    for training in trainings:
        versions = {
            key: _in_words(value)
            for key, value in training.versions.items()
            if key not in OF_ONE_RUN and value not in (None, [])
        }
        for names, same in groups:
            if same == versions:
                names.append(training.run.name)
                break
        else:
            groups.append(([training.run.name], versions))
    return groups


def _in_words(value: Any) -> str:
    """A value of versions.json; equal devices are counted."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if not isinstance(value, list):
        return str(value)
    numbers = Counter(map(_in_words, value))
    return "; ".join(part if n == 1 else f"{n} x {part}" for part, n in numbers.items())
