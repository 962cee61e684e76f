"""The figure of a comparison: quality against what it costs."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compare import Row


def draw(rows: "list[Row]", path: Path) -> None:
    """Write a PNG: BLEU with 95 % intervals against training minutes and against parameters."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for row in rows:
        style = {"fmt": "o", "capsize": 3, "alpha": 0.8, "label": row.system}
        interval = row.score.bleu_interval
        left.errorbar(row.training_minutes, row.score.bleu, interval, **style)
        right.errorbar(row.parameters / 1e6, row.score.bleu, interval, **style)
    left.set_xlabel("training time, minutes")
    right.set_xlabel("parameters, millions")
    left.set_ylabel("BLEU")
    for panel in (left, right):
        panel.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper")
    partial = path.with_name(path.name + ".part")
    figure.savefig(partial, format="png")
    os.replace(partial, path)
