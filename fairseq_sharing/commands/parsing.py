"""Reads fairseq's commands with its own parsers, so that a wrong option shows before any work."""

import argparse
import contextlib
import io
from pathlib import Path

from fairseq import options

from ..errors import SharingError

PARSERS = {
    "fairseq-train": options.get_training_parser,
    "fairseq-eval-lm": options.get_eval_lm_parser,
    "fairseq-generate": options.get_generation_parser,
}


def read_command(name: str, command: list[str]) -> argparse.Namespace:
    """The options that a command of fairseq runs with, those of its architecture included.

    Raises SharingError, naming what the command is for and the option, where fairseq would refuse
    one: unknown, with a value of a wrong type, or contradicting another.
    """
    tool = Path(command[0]).name
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            args, unknown = options.parse_args_and_arch(
                PARSERS[tool](), command[1:], parse_known=True
            )
    except SystemExit:
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise SharingError(
            f"{name}: {tool} refuses an option of the experiment: {reason}"
        ) from None
    except SharingError as error:
        raise SharingError(f"{name}: {error}") from None
    if unknown:
        kind = "option" if unknown[0].startswith("--") else "use for the value"
        raise SharingError(
            f"{name}: {tool} has no {kind} '{unknown[0].removeprefix('--')}'; remove it from the "
            f"experiment, or see {tool} --help"
        )
    return args
