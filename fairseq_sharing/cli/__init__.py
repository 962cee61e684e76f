"""The command ``fairseq-sharing``: one module a subcommand."""

import argparse
import errno
import logging
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import FULL_DISK, SharingError, drop_output
from . import (
    checkpoint,
    compare,
    describe,
    evaluate,
    export,
    plan,
    prepare,
    report,
    train,
    translate,
)

SUBCOMMANDS = (
    describe,
    plan,
    prepare,
    train,
    evaluate,
    compare,
    report,
    checkpoint,
    export,
    translate,
)

NO_PLACE = (*FULL_DISK, errno.EACCES, errno.EROFS)
"""What a full or closed disk says."""


class _Parser(argparse.ArgumentParser):
    """argparse without the usage text, in which the one line that matters drowns."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    parser = _Parser(
        prog="fairseq-sharing",
        description="Parameter sharing across Transformer layers for fairseq.",
        epilog="Example: fairseq-sharing describe --strategy cycle --layers 12 --unique-layers 6",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in SUBCOMMANDS:
        module.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status, 2 for a mistake of the user."""
    args = build_parser().parse_args(argv)
    for library in ("", "fairseq", "fairseq_sharing"):  # the first is what mtdata speaks through
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        status = args.run(args) or 0
        sys.stdout.flush()
        return status
    except SharingError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        drop_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.strerror is None:
            raise
        remedy = (
            "make room or give access, then run the same command to go on"
            if error.errno in NO_PLACE
            else "check the path"
        )
        return _refuse(f"cannot use {error.filename or 'the disk'}: {error.strerror}; {remedy}")
    except KeyboardInterrupt:
        print("fairseq-sharing: interrupted; run the same command to go on", file=sys.stderr)
        return 130


def _refuse(message: str) -> int:
    print(f"fairseq-sharing: error: {message}", file=sys.stderr)
    return 2
