"""Finds runs and reads what is in their folders."""

import dataclasses
from pathlib import Path
from typing import Any

from ..corpus.parallel_text import read_lines
from ..errors import SharingError
from ..experiment.runs import RECORD, Run, read_run
from ..files import read_json
from ..model.strategies import STRATEGIES
from ..training.log import TrainingLog
from .measures import measures_of
from .trainings import Training

SPEED = "speed.json"
"""In an experiment's folder: updates a second of its systems, all taking turns at one machine.

For each system by the update from which on it has that speed.
"""


def find_runs(folders: list[Path]) -> list[Run]:
    """Every run at or below the folders, once; those of one experiment from shallow to deep.

    Raises SharingError for a folder that does not exist or holds no run.
    """
    found: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise SharingError(f"{folder} is no folder; give run folders such as runs/demo")
        records = sorted(folder.resolve().rglob(RECORD))
        if not records:
            raise SharingError(
                f"{folder} holds no {RECORD}: give folders that fairseq-sharing train has filled"
            )
        runs = [read_run(path.parent) for path in records if path.parent not in found]
        found |= {run.folder: run for run in sorted(runs, key=_by_depth)}
    return list(found.values())


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
        scores={t.name: _score(run, scores[t.name], path) for t in run.experiment.test_sets},
        measured_speeds=_speeds(run.folder.parent / SPEED),
    )


def read_corpus(run: Run, test_set: str, language: str) -> list[str]:
    """One side of a test set, from the corpus beside the run's folder."""
    return read_lines(run.folder.parent / "corpus" / f"{test_set}.{language}")


def read_test_sets(run: Run, language: str) -> list[str]:
    """One side of all test sets, one after the other."""
    return [
        line
        for test_set in run.experiment.test_sets
        for line in read_corpus(run, test_set.name, language)
    ]


def manifest_of(run: Run) -> dict[str, Any]:
    """What the corpus beside the run's folder was made of, as far as it is recorded."""
    return read_json(run.folder.parent / "corpus" / "manifest.json")


def _score(run: Run, stored: Any, path: Path) -> Any:
    """A score of the run's kind, as its file holds it."""
    kind = measures_of(run.experiment).score
    if not isinstance(stored, dict) or stored.keys() != {f.name for f in dataclasses.fields(kind)}:
        raise SharingError(
            f"{path} is damaged or of another version: remove it, then run fairseq-sharing "
            "evaluate again"
        )
    return kind(**stored)


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


def _speeds(path: Path) -> dict[str, dict[int, float]]:
    """By system and first update of a phase, updates a second; a single number is of phase 0."""
    stored = read_json(path)
    try:
        return {
            name: {int(first): float(speed) for first, speed in measured.items()}
            if isinstance(measured, dict)
            else {0: float(measured)}
            for name, measured in stored.items()
        }
    except (TypeError, ValueError) as error:
        raise SharingError(
            f"{path} is damaged ({error}): remove it, then run fairseq-sharing train again"
        ) from None
