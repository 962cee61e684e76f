"""Facts of a checkpoint: model, maps, parameters, training, and the sizes of its parts."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ..model.strategies import num_unique_layers
from ..model.tying import count_parameters
from .contents import Checkpoint
from .depth import depths


def inspect(checkpoint: Checkpoint) -> dict[str, Any]:
    """The facts that ``fairseq-sharing checkpoint inspect --json`` prints; sizes in bytes.

    Raises SharingError if the checkpoint is not of a Transformer.
    """
    model, running = checkpoint.skeleton(), depths(checkpoint)
    scores = checkpoint.extra_state
    return {
        "architecture": checkpoint.arch,
        "sides": {
            side: {
                "layer_map": list(side_map.layers),
                "maps": {part: list(layers) for part, layers in side_map.parts.items()},
                "layers": len(side_map),
                "unique_layers": num_unique_layers(side_map.layers),
                "running_layers": running[side],
            }
            for side, side_map in model.maps.items()
        },
        "parameters": count_parameters(model),
        "parameters_unshared": count_parameters(checkpoint.skeleton(**checkpoint.unshared)),
        "own": str(model.own),
        "residual_scaling": checkpoint.options().get("residual_scaling", "none"),
        "updates": checkpoint.num_updates,
        "validation_score": _number(scores.get("val_loss")),
        "best_validation_score": _number(scores.get("best")),
        "precision": sorted(
            {str(t.dtype).removeprefix("torch.") for t in checkpoint.state.values()}
        ),
        "bytes": sizes(checkpoint),
    }


def sizes(checkpoint: Checkpoint) -> dict[str, int]:
    """Bytes of the file and of its tensors by kind; memory that several names share counts once."""
    content = checkpoint.content
    extra = checkpoint.extra_state
    parts = {
        "model": checkpoint.state,
        "ema": [extra.get("ema"), extra.get("ema_fp32_params")],
        "optimizer": content.get("last_optimizer_state"),
    }
    spent = {name: _bytes(part) for name, part in parts.items()}
    total = checkpoint.path.stat().st_size
    return {"file": total} | spent | {"other": total - sum(spent.values())}


def _number(score: Any) -> float | None:
    return score if isinstance(score, int | float) else None


def _bytes(value: Any) -> int:
    storages = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in _tensors(value)
    }
    return sum(storages.values())


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)
