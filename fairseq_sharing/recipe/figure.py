"""The figure of a comparison: quality against what it costs."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compare import Row

APART = 0.012
"""How far systems of equal cost are drawn apart, as a part of the panel's width."""


def draw(rows: "list[Row]", path: Path) -> None:
    """Write a PNG: BLEU with 95 % intervals against training minutes and against parameters."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, rows, [row.training_minutes for row in rows], "training time, minutes")
    counts = [row.parameters / 1e6 for row in rows]
    _panel(right, rows, counts, "parameters, millions (equal ones side by side)", APART)
    left.set_ylabel("BLEU")
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper")
    partial = path.with_name(path.name + ".part")
    figure.savefig(partial, format="png")
    os.replace(partial, path)


def _panel(
    axes: Any, rows: "list[Row]", costs: list[float], label: str, apart: float = 0.0
) -> None:
    """BLEU against a cost that begins at 0, so that small differences look small."""
    width = 1.15 * max(costs)
    axes.set_xlim(0, width)
    for number, (row, cost) in enumerate(zip(rows, costs, strict=True)):
        place = cost + (number - (len(rows) - 1) / 2) * apart * width
        axes.errorbar(
            place, row.score.bleu, row.score.bleu_interval, fmt="o", capsize=3, label=row.system
        )
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)
