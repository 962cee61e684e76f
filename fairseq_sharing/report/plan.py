"""What an experiment will run and take, without data, weights or a network."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..commands.devices import Devices
from ..commands.parsing import read_command
from ..corpus.prepare import DATA, preprocessing_command
from ..corpus.texts import Corpus
from ..evaluation.of_kind import outputs_of
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, runs_of
from ..model.architectures import MODELS
from ..model.cost import build_weightless, multiply_adds_over, sizes_of
from ..model.tying import count_parameters
from ..training.command import training_command
from ..training.epochs import require_epochs
from ..training.options import read_options
from .cells import both_sides
from .paper import paper_row

LENGTH = 25
"""Tokens of a sentence, for the arithmetic of attention."""

TRAINING_FLOPS = 6.0
"""Operations for each multiply-add of a forward pass: two, and twice as many backwards."""

BYTES_PER_WEIGHT = 4
SYMBOLS = 4
"""What fairseq has in a dictionary beside the words of its file."""

PADDING = 8
"""fairseq-preprocess fills a dictionary up to a multiple of this."""


@dataclass(frozen=True)
class Estimate:
    """What each training of a system takes.

    tokens are those of the longer side in all updates, padding included: an upper bound. flops are
    those of forward and backward passes over as many, and checkpoint_bytes what lies on the disk
    in the end: weights and Adam's two moments in each that training saves, weights in an average.
    """

    name: str
    layers: str
    unique_layers: str
    parameters: int
    updates: int
    tokens: int
    flops: float
    checkpoint_bytes: int
    trainings: int


def estimates(experiment: Experiment, folder: Path, devices: Devices) -> list[Estimate]:
    """An estimate for each system.

    Raises SharingError for options that cannot be taken, for names of data or of rows of the
    paper's table that nobody knows and, once there are data, for average_epochs of more epochs.
    """
    Corpus(experiment, folder, None).check()
    for system in experiment.systems:
        if system.paper is not None:
            paper_row(system.paper, experiment.kind)
    runs = runs_of(experiment, folder)
    for number, test_set in enumerate(experiment.test_sets):
        words = outputs_of(experiment).command(runs[0], number, folder, cpu=False)
        read_command(test_set.name, words)
    first_seed = [run for run in runs if run.seed == experiment.seeds[0]]
    return [_estimate(run, folder, devices) for run in first_seed]


def dictionary_of(experiment: Experiment, folder: Path) -> int | None:
    """The entries of the prepared data's dictionary, fairseq's symbols included; None before."""
    translates = experiment.models.translates
    path = folder / DATA / (f"dict.{experiment.languages.source}.txt" if translates else "dict.txt")
    if not path.exists():
        return None
    with path.open("rb") as file:
        return SYMBOLS + sum(1 for _ in file)


def _estimate(run: Run, folder: Path, devices: Devices) -> Estimate:
    data = folder / DATA
    args = read_options(run, data, devices)
    if data.is_dir():
        require_epochs(run, args, data, devices)
    words = dictionary_of(run.experiment, folder)
    words = words or -(-run.experiment.data.vocabulary // PADDING) * PADDING
    model = build_weightless(args, words, model=MODELS[run.experiment.models.arch])
    maps, parameters = model.maps, count_parameters(model)
    operations = multiply_adds_over(
        sizes_of(args, words), maps, _length(args), run.schedule, run.max_update, model.own
    )
    update = (
        (args.max_tokens or args.batch_size * _length(args)) * args.update_freq[0] * devices.count
    )
    tokens = run.max_update * update
    epochs = 0 if args.no_epoch_checkpoints else max(args.keep_last_epochs, 0)
    during = args.keep_interval_updates if args.save_interval_updates else 0
    states = 2 + epochs + during
    averages = 0 if run.experiment.average_epochs is None else 1
    return Estimate(
        name=run.system.name,
        layers=both_sides(map(len, maps.values())),
        unique_layers=both_sides(one.short_counts for one in maps.values()),
        parameters=parameters,
        updates=run.max_update,
        tokens=tokens,
        flops=TRAINING_FLOPS * operations * tokens,
        checkpoint_bytes=BYTES_PER_WEIGHT * parameters * (3 * states + averages),
        trainings=len(run.experiment.seeds),
    )


def _length(args: argparse.Namespace) -> int:
    """Tokens that attend to each other: those of a sentence, or of a language model's sample."""
    return getattr(args, "tokens_per_sample", LENGTH)


def commands(
    experiment: Experiment, folder: Path, devices: Devices
) -> Iterator[tuple[str, str, list[str]]]:
    """Every command of fairseq that the stages run: the stage, what it is for, its words."""
    yield "prepare", "binary data", preprocessing_command(experiment, folder)
    runs = runs_of(experiment, folder)
    for run in runs:
        command = training_command(run, folder / DATA, devices)
        yield "train", run.name, devices.command(command)
    for run in runs:
        for number, test_set in enumerate(experiment.test_sets):
            command = outputs_of(experiment).command(run, number, folder, cpu=devices.kind == "cpu")
            yield "evaluate", f"{run.name}, {test_set.name}", command
