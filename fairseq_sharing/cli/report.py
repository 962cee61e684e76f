"""``fairseq-sharing report``: tables and an HTML page of finished runs."""

import argparse
import math
from pathlib import Path
from typing import Any

from rich.console import Console

from ..errors import SharingError
from ..report.collect import find_runs
from ..report.significance import TESTS
from ..report.summary import summarise
from ..report.tables import tables_of
from ..report.text import show
from ..report.write import FILES, write


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "report",
        description="Compare finished runs: results beside the paper's, costs, learning curves, "
        "layer maps and sentences; on screen, as Markdown, CSV, LaTeX, SVG and one HTML page.",
        epilog="Example: fairseq-sharing report runs/demo --baseline sequence_grown --test ar",
    )
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUNS",
        help="folders with runs in them: an experiment's, such as runs/demo, or single systems'",
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="the system that others are compared with; default: the first experiment's",
    )
    parser.add_argument(
        "--test",
        default="bs",
        choices=list(TESTS),
        help="sacreBLEU's significance test: "
        + ", ".join(f"{key} is {name}" for key, name in TESTS.items())
        + "; default: bs",
    )
    parser.add_argument(
        "--valid-loss",
        type=float,
        metavar="LOSS",
        help="validation loss that times are measured to; default: the baseline's last",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where the files go; default: the folder report in the first of RUNS",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    if args.valid_loss is not None and not 0 < args.valid_loss < math.inf:
        raise SharingError(f"--valid-loss {args.valid_loss}: must be a number greater than 0")
    runs = find_runs(args.runs)
    report = summarise(runs, args.baseline, args.test, args.valid_loss)
    folder = args.output or args.runs[0] / "report"
    write(report, folder)
    for table in tables_of(report):
        show(table, Console())
    print(f"written: {folder}: {FILES}")
