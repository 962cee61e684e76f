"""``fairseq-sharing experiments``: the experiments that come with the package, a line each."""

import argparse
from typing import Any

from fairseq_sharing_command import SUBCOMMANDS

from ..experiment.shipped import FOLDER, names, summary


def add_parser(subparsers: Any) -> None:
    purpose = SUBCOMMANDS["experiments"]
    parser = subparsers.add_parser(
        "experiments",
        description=f"{purpose[0].upper()}{purpose[1:]}: "
        "prepare, train and the other stages take their names.",
        epilog="Example: fairseq-sharing experiments",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    width = max(len(name) for name in names())
    for name in names():
        print(f"{name:{width}}  {summary(name)}")
    print(f"\nThe files are in {FOLDER}")
