"""One trained and scored run of an experiment, as tables and charts ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..checkpoint.contents import Checkpoint
from ..evaluation.averaging import decoded_checkpoint
from ..evaluation.decoding import read_hypotheses
from ..experiment.runs import Run
from ..files import read_json
from ..model.growing_layers import take_running
from ..model.sublayers import SideMap
from ..training.log import TrainingLog
from .measures import Measures, measures_of


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
        return [
            line
            for name, score in self.scores.items()
            for line in read_hypotheses(self.run, name, score.segments)
        ]

    @cached_property
    def versions(self) -> dict[str, Any]:
        """Packages, Python and machine it was trained with, as far as they are recorded."""
        return read_json(self.run.folder / "versions.json")

    @property
    def command(self) -> str:
        """The fairseq-train command, empty if it is not recorded."""
        path = self.run.folder / "command.txt"
        return path.read_text("utf-8", "replace").strip() if path.exists() else ""

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
