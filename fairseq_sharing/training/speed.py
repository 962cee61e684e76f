"""Training speed of an experiment's systems, measured side by side.

The logs of trainings that ran at different times do not compare: a machine has faster and slower
minutes. So all systems take turns at a few updates on the same batches, in one process of its own
with one thread and, where there are GPUs, one of them; each update takes as many batches of that
device as in the training (--update-freq), in its precision.
"""

import logging
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from ..experiment.runs import read_run
from ..files import write_json

Speeds = dict[str, dict[int, float]]
"""Updates a second of each system in each phase, by the update at which the phase begins."""

ROUNDS = 9
UPDATES_A_ROUND = 3


class Contender:
    """One system with fairseq's own trainer, as its fairseq-train command builds it.

    phases are the updates at which each part of its training begins, at a depth of its own.
    """

    def __init__(self, arguments: list[str], phases: Sequence[int] = (0,)) -> None:
        parser = options.get_training_parser()
        self.cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, arguments))
        self.cfg.distributed_training.distributed_world_size = 1
        task = tasks.setup_task(self.cfg.task)
        model = task.build_model(self.cfg.model)
        self.trainer = Trainer(self.cfg, task, model, task.build_criterion(self.cfg.criterion))
        self.batches_an_update = self.cfg.optimization.update_freq[0]
        self.seconds: dict[int, list[float]] = {phase: [] for phase in phases}

    def batches(self, count: int) -> list[Any]:
        """The first batches of the training data; fewer where there are no more."""
        self.trainer.task.load_dataset("train")
        epoch = self.trainer.get_train_iterator(epoch=1).next_epoch_itr(shuffle=True)
        return [batch for batch, _ in zip(epoch, range(count), strict=False)]

    def take_turn(self, batches: list[Any]) -> None:
        """In each phase, train on batches and note the seconds an update."""
        for phase, seconds in self.seconds.items():
            self.trainer.set_num_updates(phase)
            _wait_for_device()
            begin = time.perf_counter()
            for batch in batches:
                self.trainer.train_step([batch] * self.batches_an_update)
            _wait_for_device()
            seconds.append((time.perf_counter() - begin) / len(batches))

    def updates_per_second(self) -> dict[int, float]:
        """The median speed in each phase; the first turn warms up."""
        return {phase: 1 / median(seconds[1:]) for phase, seconds in self.seconds.items()}


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def updates_per_second(commands: dict[str, list[str]], phases: dict[str, list[int]]) -> Speeds:
    """The speed of each fairseq-train command (arguments by name) in its phases, taken in turns.

    Empty where the device's memory does not hold two of the systems.
    """
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)

    def in_turns(names: list[str]) -> Speeds:
        contenders = {name: Contender(commands[name], phases[name]) for name in names}
        batches = next(iter(contenders.values())).batches(UPDATES_A_ROUND)
        for _ in range(1 + ROUNDS):
            for contender in contenders.values():
                contender.trainer.begin_epoch(1)
                contender.take_turn(batches)
        return {name: contender.updates_per_second() for name, contender in contenders.items()}

    return as_memory_allows(list(commands), in_turns)


def as_memory_allows(names: list[str], measure: Callable[[list[str]], Speeds]) -> Speeds:
    """The result of ``measure`` for all systems at once, or else for each together with the first.

    Speeds of different pairs are brought together by that of the first system. Empty if a pair is
    too large as well.
    """
    try:
        return measure(names)
    except torch.OutOfMemoryError:
        print("the device's memory does not hold all systems: each is measured beside the first")
    first, *others = names
    found: Speeds = {}
    try:
        for other in others:
            torch.cuda.empty_cache()
            pair = measure([first, other])
            found.setdefault(first, pair[first])
            scale = found[first][0] / pair[first][0]
            found[other] = {phase: speed * scale for phase, speed in pair[other].items()}
    except torch.OutOfMemoryError:
        return {}
    return found


def main(result: Path, *folders: Path) -> None:
    """Measure the trainings whose commands lie in ``folders``; speeds go to ``result``."""
    runs = [read_run(folder) for folder in folders]
    commands = {run.system.name: _arguments(run.folder / "command.txt") for run in runs}
    phases = {
        run.system.name: [first for first, _ in run.schedule.phases(run.max_update)] for run in runs
    }
    write_json(result, updates_per_second(commands, phases))


def _arguments(path: Path) -> list[str]:
    """What a recorded command gives to fairseq-train, whatever starts it."""
    words = shlex.split(path.read_text("utf-8"))
    tool = next(number for number, word in enumerate(words) if Path(word).name == "fairseq-train")
    return words[tool + 1 :]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
