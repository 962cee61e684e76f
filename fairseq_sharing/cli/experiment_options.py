"""The options that all stages of an experiment share."""

import argparse
import os
from pathlib import Path
from typing import Any

from fairseq_sharing_command import SUBCOMMANDS

from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.file import load

RESERVED = {
    os.pathsep: "the end of a path",
    ",": "the end of a path",
    "${": "the beginning of a variable",
    "\n": "the end of a line of its log",
}
"""What fairseq's commands do not take for a part of a path, and cannot be escaped."""


def add_stage_parser(subparsers: Any, name: str, example: str) -> Any:
    """A subcommand that takes an experiment; example is what follows its name."""
    purpose = SUBCOMMANDS[name]
    parser = subparsers.add_parser(
        name,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"Example: fairseq-sharing {name} {example}",
    )
    parser.add_argument(
        "experiment",
        type=Path,
        metavar="EXPERIMENT",
        help="the path of a TOML file, or a name that fairseq-sharing experiments lists",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where the experiment's run folder is; default: runs",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few updates: the experiment's [quick] table applies"
    )
    return parser


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--systems",
        type=lambda text: text.split(","),
        metavar="NAME,NAME",
        help="only these systems of the experiment; default: all",
    )
    parser.add_argument(
        "--seeds",
        type=_whole_numbers,
        metavar="SEED,SEED",
        help="only these seeds of the experiment; default: all",
    )


def add_jobs_option(parser: argparse.ArgumentParser, jobs: str) -> None:
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="K",
        help=f"{jobs} that share each GPU, or that run side by side on a machine without; "
        "default: 1, or on a machine without as many as its cores take",
    )


def load_experiment(args: argparse.Namespace) -> tuple[Experiment, Path]:
    """The experiment asked for, and its absolute run folder."""
    experiment = load(args.experiment, quick=args.quick)
    selected = experiment.select(getattr(args, "systems", None), getattr(args, "seeds", None))
    folder = (args.runs / experiment.name).resolve()
    for text, meaning in RESERVED.items():
        if text in str(folder):
            raise SharingError(
                f"--runs {str(args.runs)!r}: the run folder would be {str(folder)!r}, and fairseq "
                f"takes a {text!r} for {meaning}: choose a folder without "
                f"{' and '.join(map(repr, RESERVED))}"
            )
    return selected, folder


def positive(text: str) -> int:
    """The type of an option that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number, at least 1")
    return int(text)


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' must be whole numbers with commas between them, such as 1,2"
        ) from None
