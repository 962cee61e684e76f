"""``fairseq-sharing translate``: lines of text from standard input to standard output."""

import argparse
import logging
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from ..commands.places import usable_cores
from ..errors import SharingError
from ..export.translate import COMPUTE_TYPES, DEVICES, LOGGER, Translator

MOST = {"beam": 1000, "batch_size": 100_000, "threads": 1000}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "translate",
        description="Translate lines of raw text from standard input to standard output.",
        epilog="Example: fairseq-sharing translate --model en-de < news.en > news.de",
    )
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="made by fairseq-sharing export"
    )
    parser.add_argument("--beam", type=int, default=4, help="beam size; default 4, 1 is greedy")
    parser.add_argument(
        "--length-penalty",
        type=float,
        default=1.0,
        metavar="P",
        help="scores are divided by length ** P; default 1.0",
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="sentences; default 32"
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="batches that are translated at a time; default: all cores, 1 on a GPU",
    )
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="default: cpu")
    parser.add_argument(
        "--compute-type",
        choices=COMPUTE_TYPES,
        default="default",
        help="what CTranslate2 computes in, such as float16 on a GPU; default: as exported",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    if args.threads is None:
        args.threads = usable_cores() if args.device == "cpu" else 1
    for name, most in MOST.items():
        if not 1 <= getattr(args, name) <= most:
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"{flag} {getattr(args, name)}: must be from 1 to {most:,}")
    if not math.isfinite(args.length_penalty):
        raise SharingError(f"--length-penalty {args.length_penalty}: must be a finite number")
    translator = Translator(
        args.model, args.threads, device=args.device, compute_type=args.compute_type
    )
    translations = translator.translate(
        read_lines(sys.stdin.buffer),
        beam=args.beam,
        length_penalty=args.length_penalty,
        batch_size=args.batch_size,
    )
    _show_warnings()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    with _progress() as progress:
        task = progress.add_task("", total=None)
        for translation in translations:
            print(translation)
            progress.advance(task)


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Lines of UTF-8 text without their ends; SharingError names one that is not UTF-8."""
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise SharingError(f"line {number} of the input is not UTF-8; convert it") from None


def _show_warnings() -> None:
    """What is logged of a line goes to standard error under the command's name."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("fairseq-sharing: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.propagate = False


def _progress() -> Progress:
    """A counter on standard error, unless it would mix with the translations on a terminal."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    return Progress(
        TextColumn("{task.completed} lines translated"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not shown,
    )
