"""Where one training of an experiment lives: a system, a seed, and its folder."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..files import read_json, write_json
from ..model.config import SIDES
from ..model.growth import Schedule
from ..model.sublayers import SideMap
from .experiment import Experiment, settings_of
from .file import from_tables
from .stages import Stage
from .system import System

RECORD = "run.json"
LAYERS = ("layer_map", "share_sublayers", "own", "own_rank", *SIDES, "grow_depth_at")
"""Keys of a system's layers besides strategy, layers and unique_layers."""


@dataclass(frozen=True)
class Run:
    """One system trained with one seed."""

    experiment: Experiment
    system: System
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / "train.log"

    @property
    def records(self) -> Path:
        """The log's figures, one JSON object a line."""
        return self.folder / "train.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The one with the lowest validation loss, which is decoded."""
        return self.folder / "checkpoints" / "checkpoint_best.pt"

    @property
    def max_update(self) -> int:
        return int(self.options["max-update"])

    @property
    def schedule(self) -> Schedule:
        """When its stacks become deeper."""
        return self.system.schedule(self.max_update)

    @property
    def maps(self) -> dict[str, SideMap]:
        """The map of each side that its model has."""
        return self.system.maps(self.experiment.models.sides)

    @property
    def depth(self) -> int:
        """Stacked layers of all sides together."""
        return sum(map(len, self.maps.values()))

    @property
    def options(self) -> dict[str, Any]:
        """The fairseq-train options of the experiment, overridden by the system's own."""
        return {**self.experiment.train, **self.system.options}

    @property
    def training(self) -> Stage:
        system = self.system
        own = settings_of(system)
        own |= {side: settings_of(own[side]) for side in SIDES if side in own}
        settings = {
            "strategy": system.strategy,
            "layers": system.layers,
            "unique_layers": system.unique_layers,
            "seed": self.seed,
            "options": self.options,
        } | {key: own[key] for key in LAYERS if key in own}
        if self.experiment.batch_tokens is not None:
            settings["batch_tokens"] = self.experiment.batch_tokens
        return Stage(self.folder, "train", settings, (self.checkpoint,))

    def hypotheses(self, test_set: str) -> Path:
        return self.folder / f"hypotheses.{test_set}.txt"


def save_run(run: Run) -> None:
    """Write run.json: the run's system and seed, and the experiment without the others'."""
    experiment = dataclasses.replace(run.experiment, systems=(run.system,), seeds=(run.seed,))
    write_json(run.folder / RECORD, dataclasses.asdict(experiment))


def read_run(folder: Path) -> Run:
    """The run whose run.json lies in the folder; its experiment has no other system and seed."""
    path = folder / RECORD
    tables = read_json(path)
    try:
        experiment = from_tables(tables.pop("name"), tables)
        return Run(experiment, experiment.systems[0], experiment.seeds[0], folder)
    except (ValueError, LookupError, SharingError) as error:
        raise SharingError(f"{path} is no record of a training: {error}") from None


def runs_of(experiment: Experiment, folder: Path) -> list[Run]:
    """Every system with every seed, in the experiment's order.

    A folder is named for its system and seed, without the seed if it is 1, so that seeds can be
    added to an experiment later.
    """

    def folder_of(system: System, seed: int) -> Path:
        return folder / (system.name if seed == 1 else f"{system.name}-seed{seed}")

    return [
        Run(experiment, system, seed, folder_of(system, seed))
        for system in experiment.systems
        for seed in experiment.seeds
    ]


def require_baseline(experiment: Experiment) -> None:
    """Raise SharingError if --systems left out the system that the others are compared with."""
    if experiment.baseline not in [system.name for system in experiment.systems]:
        raise SharingError(
            f"--systems lacks the baseline '{experiment.baseline}', which the others are compared "
            "with: add it"
        )
