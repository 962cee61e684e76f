"""The last stage: one table of all systems, on screen and in the run folder."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from ..errors import SharingError
from ..strategies import layer_map, num_unique_layers
from .experiment import Experiment
from .figure import draw
from .runs import Run, require_baseline, runs_of
from .scoring import Score
from .stages import write_text
from .train import speed_stage
from .training_log import TrainingLog

COLUMNS = (
    *("system", "M", "N", "parameters", "training speed"),
    *("BLEU", "chrF", "p-value"),
)


@dataclass(frozen=True)
class Row:
    """One system on one test set. Times are of training alone, at the speed measured."""

    system: str
    test_set: str
    unique_layers: int
    layers: int
    parameters: int
    updates_per_second: float
    relative_speed: float
    training_minutes: float
    score: Score

    def cells(self) -> tuple[str, ...]:
        """The row as people read it, in the order of COLUMNS."""
        score = self.score
        return (
            self.system,
            str(self.unique_layers),
            str(self.layers),
            f"{self.parameters:,}",
            f"x{self.relative_speed:.2f}",
            f"{score.bleu:.1f} ± {score.bleu_interval:.1f}",
            f"{score.chrf:.1f}",
            "-" if score.p_value is None else f"{score.p_value:.3f}",
        )


def compare(experiment: Experiment, folder: Path, console: Console) -> Path:
    """Print the table and write report/table.md, table.csv and bleu.png; returns that folder."""
    rows = collect(experiment, folder)
    notes = _notes(experiment, rows)
    table = Table(*COLUMNS, title=experiment.name, box=box.SIMPLE, pad_edge=False)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True)
    report = folder / "report"
    write_text(report / "table.md", _markdown(rows, notes))
    write_text(report / "table.csv", _csv(rows))
    draw(rows, report / "bleu.png")
    return report


def collect(experiment: Experiment, folder: Path) -> list[Row]:
    """A row for each run and test set; speeds are relative to the baseline's of the same seed."""
    require_baseline(experiment)
    runs = runs_of(experiment, folder)
    speeds = _speeds(runs, folder)
    baselines = {
        run.seed: speeds[run.name] for run in runs if run.system.name == experiment.baseline
    }
    rows = []
    for run in runs:
        scores = _scores(run)
        system = run.system
        layers = layer_map(system.strategy, system.layers, system.unique_layers)
        for test_set in [test_set.name for test_set in experiment.test_sets]:
            row = Row(
                system=run.name,
                test_set=test_set,
                unique_layers=num_unique_layers(layers),
                layers=system.layers,
                parameters=_parameters(run),
                updates_per_second=speeds[run.name],
                relative_speed=speeds[run.name] / baselines[run.seed],
                training_minutes=run.max_update / speeds[run.name] / 60,
                score=scores[test_set],
            )
            rows.append(row)
    return rows


def _speeds(runs: list[Run], folder: Path) -> dict[str, float]:
    stage = speed_stage(runs, folder)
    if not stage.is_finished():
        raise SharingError(
            f"{folder} has no complete training of {', '.join(run.name for run in runs)}: "
            "run fairseq-sharing train first, or leave systems out with --systems"
        )
    return json.loads(stage.outputs[0].read_text("utf-8"))


def _parameters(run: Run) -> int:
    parameters = TrainingLog(run.log).refresh().parameters
    if parameters is None:
        raise SharingError(
            f"{run.log} does not say how many parameters there are; "
            f"remove {run.folder} and run fairseq-sharing train again"
        )
    return parameters


def _scores(run: Run) -> dict[str, Score]:
    path = run.folder / "scores.json"
    if not path.exists():
        raise SharingError(f"{path} is missing: run fairseq-sharing evaluate first")
    return {name: Score(**score) for name, score in json.loads(path.read_text("utf-8")).items()}


def _notes(experiment: Experiment, rows: list[Row]) -> list[str]:
    score = rows[0].score
    updates = experiment.train["max-update"]
    return [
        f"{updates} updates each; training speed relative to {experiment.baseline}, all systems "
        "taking turns at the same batches; BLEU with its 95 % interval; p-value of a paired "
        f"bootstrap against {experiment.baseline}; {score.segments} segments.",
        f"BLEU {score.bleu_signature}",
        f"chrF {score.chrf_signature}",
    ]


def _markdown(rows: list[Row], notes: list[str]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n\n" + "\n\n".join(notes) + "\n"


def _csv(rows: list[Row]) -> str:
    """Unrounded figures, one column for each field."""
    records = [vars(row) | vars(row.score) for row in rows]
    fields = [name for name in records[0] if name != "score"]
    file = io.StringIO()
    writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()
