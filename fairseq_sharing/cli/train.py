"""``fairseq-sharing train``: every system of an experiment."""

import argparse
from typing import Any

from ..recipe.train import train
from .recipe_options import add_selection_options, add_stage_parser, load_experiment


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "train",
        "train an experiment's systems side by side",
        "experiments/demo --systems vanilla,cycle_rev",
    )
    add_selection_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    experiment, folder = load_experiment(args)
    train(experiment, folder)
    print(f"trained: {folder}")
