"""Checks that a training has as many epochs as checkpoints are averaged."""

import argparse
from pathlib import Path
from typing import Any

from ..commands.devices import Devices
from ..corpus.binarised import lengths_of, sizes_of
from ..errors import SharingError
from ..experiment.positions import positions_of
from ..experiment.runs import Run


def require_epochs(run: Run, args: argparse.Namespace, data: Path, devices: Devices) -> None:
    """Raise SharingError if the training that ``args`` describe ends before ``average_epochs``.

    Also if it has fewer epochs after its depth has grown: models of other depths have no average.
    ``data`` is binary data. Only what is certain is refused: an epoch has at least as many updates
    as its tokens fill batches without padding.
    """
    wanted = run.experiment.average_epochs
    if wanted is None:
        return
    least = least_updates(_sizes(run, data), args, devices)
    epochs = min(run.max_update // least, args.max_epoch or run.max_update)
    interval = max(args.save_interval, 1)
    saved = epochs // interval
    if saved < wanted:
        skipped = f" and one in {interval} is saved" if interval > 1 else ""
        raise SharingError(
            f"system {run.name}: average_epochs = {wanted}, but max-update = {run.max_update:,} "
            f"ends in epoch {epochs + 1}, since an epoch has at least {least:,} updates{skipped}: "
            "give at most " + (f"{saved}" if saved else "no average_epochs") + ", or more updates"
        )
    for step in run.schedule.steps[-1:]:
        ends = (run.max_update - step) // least + 1
        deep = -(-ends // interval)
        if deep < wanted:
            raise SharingError(
                f"system {run.name}: average_epochs = {wanted}, but its depth grows after update "
                f"{step:,}, and at most {deep} of its epochs are saved after that: models of "
                f"different depths have no average; give at most {deep}, or let it grow earlier"
            )


def least_updates(sizes: Any, args: argparse.Namespace, devices: Devices) -> int:
    """The fewest updates of an epoch over pairs of these sizes, in tokens of the longer side."""
    parts = devices.count * args.update_freq[0]
    bounds = [1]
    if args.max_tokens:
        fitting = int(sizes[sizes <= args.max_tokens].sum())
        bounds.append(-(-fitting // (args.max_tokens * parts)))
    if args.batch_size:
        bounds.append(-(-len(sizes) // (args.batch_size * parts)))
    return max(bounds)


def _sizes(run: Run, data: Path) -> Any:
    """Tokens of the longer side of each training pair that the model takes, ends included, (P,)."""
    if not run.experiment.models.translates:
        return sizes_of(data / "train")
    languages = run.experiment.languages
    lengths = lengths_of(data, "train", (languages.source, languages.target))
    positions = positions_of(run.options)
    taken = (lengths[0] <= positions.source) & (lengths[1] <= positions.target)
    return lengths[:, taken].max(0)
