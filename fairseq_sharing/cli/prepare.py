"""``fairseq-sharing prepare``: the corpus, its subwords and fairseq's binary data."""

import argparse
from pathlib import Path
from typing import Any

from ..corpus.prepare import prepare
from ..errors import SharingError
from .experiment_options import add_stage_parser, load_experiment


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "prepare",
        "experiments/demo --src my.en --tgt my.de",
    )
    parser.add_argument(
        "--src", type=Path, metavar="FILE", help="your own source text, one segment a line"
    )
    parser.add_argument("--tgt", type=Path, metavar="FILE", help="its translation, line by line")
    parser.add_argument(
        "--text",
        type=Path,
        metavar="FILE",
        help="your own text for language models: lines, and a blank one between documents",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    if (args.src is None) != (args.tgt is None):
        given, missing = ("--src", "--tgt") if args.tgt is None else ("--tgt", "--src")
        raise SharingError(f"{given} without {missing}: give both files or none")
    experiment, folder = load_experiment(args)
    if args.text and (args.src or experiment.models.translates):
        raise SharingError(
            f"--text {args.text} is for experiments with language models, and alone; translations "
            "take --src and --tgt"
        )
    own = (args.text,) if args.text else (args.src, args.tgt) if args.src else None
    prepare(experiment, folder, own)
    print(f"prepared: {folder}")
