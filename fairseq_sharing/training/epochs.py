"""Whether a training has as many epochs as its last checkpoints are averaged of."""

import argparse
from pathlib import Path

import numpy as np
from fairseq.data.data_utils import load_indexed_dataset

from ..commands.devices import Devices
from ..corpus.binarised import paths_of
from ..errors import SharingError
from ..experiment.runs import Run


def require_epochs(run: Run, args: argparse.Namespace, data: Path, devices: Devices) -> None:
    """Raise SharingError if the training that ``args`` describe ends before ``average_epochs``.

    ``data`` is binary data. What is certain is refused: an epoch has at least as many updates as
    its tokens fill batches without padding.
    """
    wanted = run.experiment.average_epochs
    if wanted is None:
        return
    least = least_updates(_sizes(run, data), args, devices)
    epochs = min(run.max_update // least, args.max_epoch or run.max_update)
    if epochs < wanted:
        raise SharingError(
            f"system {run.name}: average_epochs = {wanted}, but max-update = {run.max_update:,} "
            f"ends in epoch {epochs + 1}, since an epoch has at least {least:,} updates: give at "
            "most " + (f"{epochs}" if epochs else "no average_epochs") + ", or more updates"
        )


def least_updates(sizes: np.ndarray, args: argparse.Namespace, devices: Devices) -> int:
    """The fewest updates of an epoch over pairs of these sizes, in tokens of the longer side."""
    parts = devices.count * args.update_freq[0]
    bounds = [1]
    if args.max_tokens:
        fitting = int(sizes[sizes <= args.max_tokens].sum())
        bounds.append(-(-fitting // (args.max_tokens * parts)))
    if args.batch_size:
        bounds.append(-(-len(sizes) // (args.batch_size * parts)))
    return max(bounds)


def _sizes(run: Run, data: Path) -> np.ndarray:
    """Tokens of the longer side of each training pair, the end of the sentence included, (P,)."""
    paths = paths_of(data, "train", run.experiment)
    sides = [load_indexed_dataset(str(path), None) for path in paths]
    return np.max([side.sizes for side in sides], axis=0)  # which are gone with the side itself
