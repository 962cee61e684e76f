"""The command ``fairseq-sharing``: one module a subcommand."""

import argparse
import errno
import logging
import sys
from collections.abc import Sequence

from ..errors import FULL_DISK, SharingError
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


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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
        return args.run(args) or 0
    except SharingError as error:
        print(f"fairseq-sharing: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        print(
            f"fairseq-sharing: error: cannot use {error.filename or 'the disk'}: {error.strerror}; "
            "make room or give access, then run the same command to go on",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("fairseq-sharing: interrupted; run the same command to go on", file=sys.stderr)
        return 130
