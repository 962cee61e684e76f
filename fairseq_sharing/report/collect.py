"""Finds runs and reads what is in their folders."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..corpus.parallel_text import read_lines
from ..errors import SharingError
from ..evaluation.of_kind import require_scored
from ..experiment.runs import RECORD, Run, read_run
from ..files import read_json
from ..model.strategies import STRATEGIES
from ..training.log import TrainingLog
from .records import score_of, speeds_of
from .trainings import Training


def find_runs(folders: list[Path]) -> list[Run]:
    """Every run at or below the folders, once; those of one experiment from shallow to deep.

    Raises SharingError for a folder that does not exist or holds no run.
    """
    found: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise SharingError(f"{folder} is no folder; give run folders such as runs/demo")
        records = sorted(_records(folder))
        if not records:
            raise SharingError(
                f"{folder} holds no {RECORD}: give folders that fairseq-sharing train has filled"
            )
        runs = [read_run(path.parent) for path in records if path.parent not in found]
        found |= {run.folder: run for run in sorted(runs, key=_by_depth)}
    return list(found.values())


def _records(folder: Path) -> Iterator[Path]:
    """The records at or below a folder, also of runs that were moved and linked back."""
    seen = set[str]()
    for at, folders, files in os.walk(os.path.abspath(folder), followlinks=True):
        if os.path.realpath(at) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(at))
        if RECORD in files:
            yield Path(at, RECORD)


def read_training(run: Run) -> Training:
    """What the run's folder says; SharingError names the command that is still to be run."""
    path = run.folder / "scores.json"
    scores = read_json(path)
    missing = [t.name for t in run.experiment.test_sets if t.name not in scores]
    if missing:
        raise SharingError(
            f"{run.folder} has no scores of {', '.join(missing)}: run fairseq-sharing evaluate "
            f"with experiment {run.experiment.name}, after fairseq-sharing train if that is not "
            "done, or leave the run out"
        )
    require_scored(run)
    log = TrainingLog(run.log).refresh()
    if log.parameters is None:
        raise SharingError(
            f"{run.log} does not say how many parameters there are; "
            f"remove {run.folder} and run fairseq-sharing train again"
        )
    return Training(
        run=run,
        log=log,
        parameters=log.parameters,
        scores={t.name: score_of(run, scores[t.name], path) for t in run.experiment.test_sets},
        measured_speeds=speeds_of(run),
    )


def read_corpus(run: Run, test_set: str, language: str) -> list[str]:
    """One side of a test set, from the corpus beside the run's folder."""
    return read_lines(run.folder.parent / "corpus" / f"{test_set}.{language}")


def read_test_sets(training: Training, language: str) -> list[str]:
    """One side of all test sets, one after the other, each as long as what was scored."""
    found = list[str]()
    for name, score in training.scores.items():
        lines = read_corpus(training.run, name, language)
        if len(lines) != score.segments:
            raise SharingError(
                f"{training.run.folder.parent}: corpus/{name}.{language} has {len(lines)} lines, "
                f"what was scored has {score.segments}: prepare the text again in a new folder"
            )
        found += lines
    return found


def _by_depth(run: Run) -> tuple[Any, ...]:
    system = run.system
    strategies = list(STRATEGIES)
    return (
        run.folder.parent,
        system.name != run.experiment.baseline,
        run.depth,
        strategies.index(system.strategy or strategies[-1]),
        system.name,
        run.seed,
    )
