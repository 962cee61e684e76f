"""The command ``fairseq-sharing`` up to its subcommands: all that needs neither fairseq nor torch.

Importing ``fairseq_sharing`` imports both, which takes seconds; this module stays outside it, so
that help, version and the plugin's folder are printed at once.
"""

import argparse
import importlib.metadata
import io
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

USER_DIR = "user-dir"

SUBCOMMANDS = {
    "describe": "draw a map; count its parameters and multiply-adds",
    "experiments": "list the experiments that come with the package",
    "plan": "print every command that an experiment would run, and what it costs",
    "prepare": "build an experiment's corpus, subword model and binary data",
    "train": "train an experiment's systems side by side",
    "evaluate": "decode an experiment's test sets and score them with sacreBLEU",
    "compare": "show an experiment's systems in one table, and write its report",
    "report": "compare finished runs, from any folders, in tables and on one HTML page",
    "checkpoint": "inspect, average, strip, unroll, share or convert checkpoints",
    "export": "make a folder to serve a model from",
    "translate": "translate text with an exported model",
    USER_DIR: "print the plugin's folder, as fairseq's --user-dir takes it",
}


class _Parser(argparse.ArgumentParser):
    """argparse without the usage text, in which the one line that matters drowns."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status, 2 for a mistake of the user."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # ASCII has no ±, for one
            stream.reconfigure(errors="replace")
    if arguments and arguments[0] in SUBCOMMANDS and arguments[0] != USER_DIR:
        from fairseq_sharing import cli

        return cli.main(arguments)
    parser, _ = top_parser()
    parser.parse_args(arguments)
    print(user_dir())
    return 0


def top_parser(*, without: str | None = None) -> tuple[argparse.ArgumentParser, Any]:
    """The parser with every subcommand's name but one, and what its subcommands are added to."""
    parser = _Parser(
        prog="fairseq-sharing",
        description="Parameter sharing across Transformer layers for fairseq.",
        epilog="Example: fairseq-sharing describe --strategy cycle --layers 12 --unique-layers 6",
    )
    version = importlib.metadata.version("fairseq_sharing")
    parser.add_argument("--version", action="version", version=f"fairseq_sharing {version}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, purpose in SUBCOMMANDS.items():
        if name != without:
            subparsers.add_parser(
                name,
                help=purpose,
                description=f"{purpose[0].upper()}{purpose[1:]}.",
                epilog='Example: fairseq-train DATA --user-dir "$(fairseq-sharing user-dir)" ...',
            )
    return parser, subparsers


def user_dir() -> str:
    """The folder of the plugin, found without importing it."""
    spec = find_spec("fairseq_sharing")
    assert spec is not None  # installed together with this module
    assert spec.origin is not None
    return str(Path(spec.origin).parent)
