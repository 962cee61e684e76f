"""Finds runs and reads what is in their folders."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..checkpoint.contents import Checkpoint
from ..corpus.parallel_text import read_lines
from ..errors import SharingError
from ..evaluation.averaging import decoded_checkpoint
from ..evaluation.decoding import read_hypotheses
from ..experiment.runs import RECORD, Run, read_run
from ..files import read_json
from ..model.growing_layers import take_running
from ..model.strategies import STRATEGIES
from ..model.sublayers import SideMap
from ..training.log import TrainingLog
from .measures import Measures, measures_of

SPEED = "speed.json"
"""In an experiment's folder: updates a second of its systems, all taking turns at one machine.

For each system by the update from which on it has that speed.
"""


@dataclass(frozen=True)
class Training:
    """One run that is trained, decoded and scored, and what its folder says.

    scores are those of the experiment's kind, by test set.
    """

    run: Run
    log: TrainingLog
    parameters: int
    scores: dict[str, Any]
    measured_speeds: dict[str, dict[int, float]]

    @property
    def measures(self) -> Measures:
        """What it is compared by."""
        return measures_of(self.run.experiment)

    @property
    def updates(self) -> int:
        """The updates that were made, maybe fewer than the experiment asked for."""
        return self.log.updates

    @property
    def outcome(self) -> str | None:
        """Whether it stopped early or diverged, in words; empty if neither."""
        return self.log.outcome(self.run.max_update)

    @property
    def updates_per_second(self) -> float | None:
        """Over the whole training, whose depth may grow."""
        seconds = self.seconds(self.updates)
        return self.updates / seconds if seconds else None

    def seconds(self, updates: int) -> float | None:
        """The time of so many updates: by the speed measured side by side, else by the log."""
        measured = self.measured_speeds.get(self.run.system.name, {})

        def speed(first: int, end: int) -> float | None:
            return measured.get(first) or self.log.updates_per_second(first, end)

        return self._sum_over_phases(speed, updates)

    @property
    def tokens_per_second(self) -> float | None:
        """By the log, over the whole training."""
        inverse = self._sum_over_phases(self.log.tokens_per_second, self.updates)
        return self.updates / inverse if inverse else None

    def _sum_over_phases(
        self, speed: Callable[[int, int], float | None], updates: int
    ) -> float | None:
        """Of the updates in each phase of growing depth divided by its speed."""
        total = 0.0
        for first, end in self.run.schedule.phases(self.updates):
            if first >= updates:
                break
            own = speed(first, end)
            if not own:
                return None
            total += (min(updates, end) - first) / own
        return total

    @cached_property
    def translations(self) -> list[str]:
        """The hypotheses of all test sets, one after the other."""
        return [line for name in self.scores for line in _translations(self.run, name, self.scores)]

    @cached_property
    def versions(self) -> dict[str, Any]:
        """Packages, Python and machine it was trained with, as far as they are recorded."""
        return read_json(self.run.folder / "versions.json")

    @property
    def command(self) -> str:
        """The fairseq-train command, empty if it is not recorded."""
        path = self.run.folder / "command.txt"
        return path.read_text("utf-8").strip() if path.exists() else ""

    def depth_of(self, side: str) -> int:
        """How many layers of the side run in the model that was scored, else in the last update.

        The best checkpoint may be from before the depth grew. The model is asked while it is there.
        """
        last = self.run.schedule.depth(self.map_of(side).layers, max(self.updates - 1, 0))
        return self._scored_depths.get(side, last)

    @cached_property
    def _scored_depths(self) -> dict[str, int]:
        path = decoded_checkpoint(self.run)
        if not (self.run.schedule.steps and path.exists()):
            return {}
        state = dict(Checkpoint.read(path, mapped=True).state)
        maps = self.run.maps
        return {side: len(take_running(state, side, one.layers)) for side, one in maps.items()}

    def map_of(self, side: str) -> SideMap:
        """The layer map of one side, encoder or decoder."""
        return self.run.maps[side]


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


def _translations(run: Run, test_set: str, scores: dict[str, Any]) -> list[str]:
    path = run.hypotheses(test_set)
    lines = read_hypotheses(run, test_set) if path.exists() else []
    if len(lines) != scores[test_set].segments:
        raise SharingError(
            f"{path} has {len(lines)} lines, its score is of {scores[test_set].segments} segments: "
            "run fairseq-sharing evaluate again"
        )
    return lines


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
