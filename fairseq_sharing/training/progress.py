"""Shows the progress of trainings: a live table on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from ..experiment.runs import Run
from .log import TrainingLog

SECONDS_BETWEEN_LINES = 30


class TrainingDisplay:
    """For every run: its stage, the updates done, the latest validation loss and the speed."""

    def __init__(
        self, trainings: list[tuple[Run, TrainingLog]], console: Console | None = None
    ) -> None:
        self._trainings = trainings
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._next_lines = 0.0

    def __enter__(self) -> "TrainingDisplay":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, running: set[str]) -> None:
        """Show the state of the logs; running holds the names of the runs at work."""
        if self._console.is_terminal:
            self._live.update(self._table(running), refresh=True)
        elif time.monotonic() >= self._next_lines or not running:
            self._next_lines = time.monotonic() + SECONDS_BETWEEN_LINES
            for run, log in self._trainings:
                if run.name in running or not running:
                    print(_line(run, log.refresh(), running), flush=True)

    def _table(self, running: set[str]) -> Table:
        table = Table("system", "stage", "", "updates", "validation loss", "updates/s", box=None)
        for run, log in self._trainings:
            table.add_row(
                run.name,
                _stage(run, log.refresh(), running),
                ProgressBar(total=run.max_update, completed=log.updates, width=16),
                f"{log.updates}/{run.max_update}",
                _figure(log.valid_loss),
                _figure(log.updates_per_second()),
            )
        return table


def _line(run: Run, log: TrainingLog, running: set[str]) -> str:
    loss, speed = _figure(log.valid_loss), _figure(log.updates_per_second())
    return (
        f"{run.name}: {_stage(run, log, running)}, {log.updates}/{run.max_update} updates, "
        f"validation loss {loss}, {speed} updates/s"
    )


def _stage(run: Run, log: TrainingLog, running: set[str]) -> str:
    if run.name in running:
        return "diverged" if log.diverged else "training" if log.updates else "starting"
    if not run.training.is_finished():
        return "waiting"
    return log.outcome(run.max_update) or "trained"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
