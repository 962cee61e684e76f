"""Checks that the segments of the data fit into a training's batches and its model."""

import argparse
from pathlib import Path

from ..corpus.binarised import (
    lengths_of,
    number_too_long,
    refuse_small_batches,
    refuse_too_long,
    sizes_of,
)
from ..corpus.samples import Samples
from ..experiment.positions import positions_of
from ..experiment.runs import Run


def lengths_statement(run: Run, data: Path, args: argparse.Namespace) -> str:
    """A line that says how much training text fairseq-train will leave out; empty if none.

    args are the options of its command. Raises SharingError where the training would fail on the
    way: for a validation segment that is too long for the model, and for any segment that is longer
    than a batch.
    """
    if not run.experiment.models.translates:
        return _of_texts(run, data, args)
    languages = run.experiment.languages.source, run.experiment.languages.target
    positions = positions_of(run.options)
    training, validation = (lengths_of(data, subset, languages) for subset in ("train", "valid"))
    refuse_too_long("valid", validation, positions)
    for (part, (option, most)), lengths in zip(
        _batches(args).items(), (training, validation), strict=True
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


def _of_texts(run: Run, data: Path, args: argparse.Namespace) -> str:
    """The same for a language model, whose samples are blocks of text or whole lines."""
    samples = Samples.of(run.options, run.options)
    if args.shorten_method != "none":
        return ""  # every line is cut to fit
    sizes = {part: sizes_of(data / part) for part in ("train", "valid")}
    samples.refuse_too_long("valid", sizes["valid"])
    for part, batch in _batches(args).items():
        samples.refuse_small_batches(f"system {run.name}", part, sizes[part], *batch)
    left_out = len(samples.too_long(sizes["train"]))
    if not left_out:
        return ""
    return (
        f"{run.name}: {left_out:,} of {len(sizes['train']):,} training lines are longer than the "
        f"{samples.most} tokens that the model takes and are left out"
    )


def _batches(args: argparse.Namespace) -> dict[str, tuple[str, int | None]]:
    """The option of each part's batches, and their tokens."""
    at_validation = int(args.max_tokens_valid or 0) or args.max_tokens  # may be a string
    return {
        "train": ("max-tokens", args.max_tokens),
        "valid": ("max-tokens-valid", at_validation),
    }
