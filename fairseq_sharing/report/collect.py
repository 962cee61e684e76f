"""Finds runs and reads what is in their folders."""

import dataclasses
import math
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
from ..training.speed_stage import SPEED
from .measures import measures_of
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
        scores={t.name: _score(run, scores[t.name], path) for t in run.experiment.test_sets},
        measured_speeds=_speeds(run.folder.parent / SPEED),
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


def manifest_of(run: Run) -> dict[str, Any]:
    """What the corpus beside the run's folder was made of, as far as it is recorded."""
    return read_json(run.folder.parent / "corpus" / "manifest.json")


def counts_of(run: Run, step: str) -> dict[str, Any]:
    """What a step of that preparation counted, as far as it is recorded.

    Raises SharingError for a record that was altered by hand.
    """
    counts: Any = manifest_of(run)
    for key in ("steps", step, "counts"):
        counts = counts.get(key, {})
        if not isinstance(counts, dict):
            raise SharingError(
                f"{run.folder.parent / 'corpus' / 'manifest.json'} is damaged: its {key} are no "
                "table; prepare the text again in a new folder"
            )
    return counts


def _score(run: Run, stored: Any, path: Path) -> Any:
    """A score of the run's kind, as its file holds it."""
    kind = measures_of(run.experiment).score
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    if (
        not isinstance(stored, dict)
        or stored.keys() != types.keys()
        or not all(_fits(types[name], value) for name, value in stored.items())
    ):
        raise SharingError(
            f"{path} is damaged or of another version: remove it, then run fairseq-sharing "
            "evaluate again"
        )
    return kind(**stored)


def _fits(kind: Any, value: Any) -> bool:
    """Whether a figure or a word of a score is of its field's type; a number has to be finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, kind) or (type(value) is int and issubclass(float, kind))


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
        speeds = {
            name: {int(first): float(speed) for first, speed in measured.items()}
            if isinstance(measured, dict)
            else {0: float(measured)}
            for name, measured in stored.items()
        }
        if not all(0 < one < math.inf for measured in speeds.values() for one in measured.values()):
            raise ValueError("a speed is not positive")
        return speeds
    except (TypeError, ValueError, OverflowError) as error:
        raise SharingError(
            f"{path} is damaged ({error}): remove it, then run fairseq-sharing train again"
        ) from None
