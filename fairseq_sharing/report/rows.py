"""A system in the report: its trainings, one for each seed, and their figures together."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .measures import Measure
from .paper import PaperRow
from .speeds import RelativeSpeed, minutes, updates_to
from .trainings import Training


@dataclass(frozen=True)
class Figure:
    """A mean over seeds, and what is written after ±: None where there is nothing to write."""

    mean: float
    spread: float | None = None


@dataclass(frozen=True)
class Row:
    """One system; each training is compared with the baseline's of the same seed.

    p_values are by seed, for the seeds that the baseline has, too; the baseline has none.
    """

    label: str
    trainings: tuple[Training, ...]
    p_values: dict[int, float]
    relative_speeds: tuple[RelativeSpeed, ...]
    paper: PaperRow | None

    @property
    def first(self) -> Training:
        """The training that stands for what is the same for every seed."""
        return self.trainings[0]

    @property
    def seeds(self) -> list[int]:
        return [training.run.seed for training in self.trainings]

    @property
    def updates(self) -> list[int]:
        """The updates that each training made."""
        return [training.updates for training in self.trainings]

    @property
    def title(self) -> str:
        """The label, and which of its trainings stopped early or diverged."""
        outcomes = {t.run.seed: t.outcome for t in self.trainings if t.outcome}
        alone = len(self.trainings) == 1
        remarks = [o if alone else f"seed {seed} {o}" for seed, o in outcomes.items()]
        return f"{self.label} ({', '.join(remarks)})" if remarks else self.label

    @property
    def main(self) -> Measure:
        """The measure that decides: BLEU or perplexity."""
        return self.first.measures.main

    def figure(self, test_set: str, *, intervals: bool = False) -> Figure:
        """The main measure over seeds; with intervals, one training's 95 % interval instead."""
        scores = [training.scores[test_set] for training in self.trainings]
        figure = over_seeds([self.main.of(score) for score in scores])
        return Figure(figure.mean, self.main.interval(scores[0])) if intervals else figure

    def average(self, measure: Measure | None = None) -> Figure:
        """Of a measure, by default the main one, over test sets for each seed, then over seeds."""
        metric = (measure or self.main).of
        return over_seeds([average(training, metric) for training in self.trainings])

    @property
    def relative_speed(self) -> float | None:
        return mean([speed.value for speed in self.relative_speeds])

    @property
    def minutes(self) -> float | None:
        """Of the updates that were made, at the speed measured."""
        return mean([minutes(t, t.updates) for t in self.trainings])

    @property
    def updates_per_second(self) -> float | None:
        return mean([training.updates_per_second for training in self.trainings])

    @property
    def final_loss(self) -> float | None:
        return mean([training.log.valid_loss for training in self.trainings])

    def time_to(self, loss: float) -> tuple[float | None, float | None]:
        """Updates and minutes to a validation loss; None unless every seed reaches it."""
        reached = [updates_to(training, loss) for training in self.trainings]
        taken = [
            None if updates is None else minutes(training, updates)
            for training, updates in zip(self.trainings, reached, strict=True)
        ]
        return mean(reached), mean(taken)


def average(training: Training, metric: Callable[[Any], float]) -> float:
    """Over the test sets, each counting the same."""
    return statistics.fmean(metric(score) for score in training.scores.values())


def over_seeds(values: Sequence[float]) -> Figure:
    """Mean, and the standard deviation of a sample (n - 1) if there is more than one value."""
    return Figure(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean; None unless all values are known."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None
