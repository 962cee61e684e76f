"""The mean of several checkpoints of one model."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairseq.checkpoint_utils import checkpoint_paths

from ..errors import SharingError
from ..model.own import KEY, Own
from ..model.state import decode_map, is_map
from ..model.strategies import format_layer_map
from .contents import Checkpoint
from .depth import depths
from .files import Content
from .inference import inference_content
from .precision import at_least_float32

PATTERNS = {"epochs": r"checkpoint(\d+)\.pt", "updates": r"checkpoint_\d+_(\d+)\.pt"}
_NOT_COMPARED = re.compile(
    "_name|dropout|layerdrop|activations|grow_depth"
    "|sharing|share_sublayers|unique_layers|_map$|^own|no_decoder_ffn"
)
"""Options of training only, and those of sharing, in whose place what is stored is compared."""


def last_checkpoints(folder: Path, kind: str, count: int) -> list[Path]:
    """The ``count`` newest checkpoints that fairseq saved in ``folder``, newest first.

    ``kind`` is ``epochs`` or ``updates``: when they were saved. SharingError if there are fewer.
    """
    if not folder.is_dir():
        raise SharingError(f"{folder} is no folder; give the one that fairseq-train saved to")
    if count < 1:
        raise SharingError(f"--last-{kind} {count}: must be at least 1")
    found = checkpoint_paths(str(folder), PATTERNS[kind])
    if len(found) < count:
        raise SharingError(
            f"--last-{kind} {count}: {folder} has {len(found)} checkpoints saved by {kind}; "
            "give a smaller number, or name the files"
        )
    return [Path(path) for path in found[:count]]


def average(paths: Sequence[Path]) -> Content:
    """A checkpoint whose weights are the mean of those in ``paths``, summed in float64.

    Reads one file at a time. Means of half precision are in float32, which they need to be exact.
    The rest, without optimizer, EMA and scores, is that of the checkpoint with most updates. Raises
    SharingError unless all have the same options, entries and shapes.
    """
    checkpoints = (Checkpoint.read(path) for path in paths)
    latest = first = next(checkpoints)
    total = {name: tensor.double() for name, tensor in first.state.items()}
    for checkpoint in checkpoints:
        _check_same_model(first, checkpoint)
        for name, tensor in checkpoint.state.items():
            total[name] += tensor
        latest = max(latest, checkpoint, key=lambda item: item.num_updates)
    mean = {
        name: (total[name] / len(paths)).to(at_least_float32(tensor.dtype))
        for name, tensor in first.state.items()
    }
    return inference_content(latest, mean, same_model=False)


def _check_same_model(first: Checkpoint, other: Checkpoint) -> None:
    """Raise SharingError naming the first thing that makes the two different models."""
    one, two = _description(first), _description(other)
    for what in [*one, *two]:
        here, there = (facts.get(what, "missing") for facts in (one, two))
        if here != there:
            raise SharingError(
                f"cannot average {first.path} and {other.path}: {what} is {here} in the first, "
                f"{there} in the second; average checkpoints of one model"
            )


def _description(checkpoint: Checkpoint) -> dict[str, Any]:
    """What checkpoints must have in common to be averaged, the most telling first."""
    if checkpoint.is_transformer:
        facts = {k: v for k, v in checkpoint.options().items() if not _NOT_COMPARED.search(k)}
        facts |= {f"{side} depth": depth for side, depth in depths(checkpoint).items()}
    else:
        facts = {"architecture": checkpoint.arch}
    state = checkpoint.state
    facts["own"] = Own.decode(state.get(KEY))
    facts |= {name: format_layer_map(decode_map(state[name])) for name in filter(is_map, state)}
    return facts | {name: tuple(t.shape) for name, t in state.items() if not is_map(name)}
