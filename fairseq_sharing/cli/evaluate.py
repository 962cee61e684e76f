"""``fairseq-sharing evaluate``: every system's translations and their scores."""

import argparse
from pathlib import Path
from typing import Any

from ..evaluation.evaluate import evaluate
from .experiment_options import (
    add_jobs_option,
    add_selection_options,
    add_stage_parser,
    load_experiment,
)


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "evaluate",
        "experiments/demo --systems vanilla,sequence_grown",
    )
    add_selection_options(parser)
    add_jobs_option(parser, "decodings")
    parser.add_argument("--fp16", action="store_true", help="decode in half precision, on a GPU")
    parser.add_argument(
        "--comet",
        type=Path,
        metavar="PYTHON",
        help="score with COMET as well, by the unbabel-comet installed for this Python",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    experiment, folder = load_experiment(args)
    evaluate(experiment, folder, fp16=args.fp16, jobs=args.jobs, comet=args.comet)
    print(f"scored: {folder}")
