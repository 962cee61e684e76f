"""Checks that the segments of the data fit into a training's batches and its model."""

import argparse
from pathlib import Path

from ..corpus.binarised import (
    lengths_of,
    number_too_long,
    refuse_small_batches,
    refuse_too_long,
)
from ..experiment.positions import positions_of
from ..experiment.runs import Run


def lengths_statement(run: Run, data: Path, args: argparse.Namespace) -> str:
    """A line that says how many training pairs fairseq-train will leave out; empty if none.

    args are the options of its command. Raises SharingError where the training would fail on the
    way: for a validation segment that is too long for the model, and for any segment that is longer
    than a batch.
    """
    if not run.experiment.models.translates:
        return ""  # its text is cut into blocks
    languages = run.experiment.languages.source, run.experiment.languages.target
    positions = positions_of(run.options)
    training, validation = (lengths_of(data, subset, languages) for subset in ("train", "valid"))
    refuse_too_long("valid", validation, positions)
    at_validation = int(args.max_tokens_valid or 0) or args.max_tokens  # may be a string
    for part, lengths, option, most in (
        ("train", training, "max-tokens", args.max_tokens),
        ("valid", validation, "max-tokens-valid", at_validation),
    ):
        refuse_small_batches(f"system {run.name}", part, lengths, positions, option, most)
    left_out = number_too_long(training, positions)
    if not left_out:
        return ""
    return (
        f"{run.name}: {left_out:,} of {training.shape[1]:,} training pairs are longer than "
        f"max-source-positions = {positions.source} and max-target-positions = "
        f"{positions.target} and are left out"
    )
