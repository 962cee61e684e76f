"""The last stage: an experiment's systems in one table on screen, and its report in the folder."""

from pathlib import Path

from rich.console import Console

from ..experiment.experiment import Experiment
from ..experiment.runs import require_baseline, runs_of
from .summary import summarise
from .tables import results
from .text import show
from .write import write


def compare(experiment: Experiment, folder: Path, console: Console) -> Path:
    """Print the results and write the folder report beside the runs; returns that folder.

    Raises SharingError for runs that were trained with other settings than the experiment's.
    """
    require_baseline(experiment)
    runs = runs_of(experiment, folder)
    for run in runs:
        run.training.refuse_changes()
    report = summarise(runs, experiment.baseline)
    write(report, folder / "report")
    show(results(report), console)
    return folder / "report"
