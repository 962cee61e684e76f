"""The subcommands of ``fairseq-sharing``, a module each; only the one asked for is imported."""

import errno
import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from fairseq_sharing_command import top_parser

from ..errors import FULL_DISK, SharingError, drop_output

NO_PLACE = (*FULL_DISK, errno.EACCES, errno.EROFS)
"""Errors of a disk that is full, or that this user may not write to."""


def main(arguments: Sequence[str]) -> int:
    """Run the subcommand that comes first; returns the exit status, 2 for a mistake of the user."""
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            return _refuse(f"{argument!r} is not UTF-8, which all records are: rename it")
    parser, subparsers = top_parser(without=arguments[0])
    import_module(f".{arguments[0]}", __name__).add_parser(subparsers)
    args = parser.parse_args(arguments)
    for library in ("", "fairseq", "fairseq_sharing"):  # mtdata logs through the root logger
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
            "make room or give access, then run the same command to resume"
            if error.errno in NO_PLACE
            else "check the path"
        )
        return _refuse(f"cannot use {error.filename or 'the disk'}: {error.strerror}; {remedy}")
    except KeyboardInterrupt:
        print("fairseq-sharing: interrupted; run the same command to resume", file=sys.stderr)
        return 130


def _refuse(message: str) -> int:
    print(f"fairseq-sharing: error: {message}", file=sys.stderr)
    return 2
