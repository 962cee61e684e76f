"""``fairseq-sharing compare``: the table and the report of an experiment."""

import argparse
from typing import Any

from rich.console import Console

from ..report.compare import compare
from ..report.write import FILES
from .experiment_options import add_selection_options, add_stage_parser, load_experiment


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "compare",
        "experiments/demo --runs /data/runs",
    )
    add_selection_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    experiment, folder = load_experiment(args)
    report = compare(experiment, folder, Console())
    print(f"written: {report}: {FILES}")
