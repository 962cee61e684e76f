"""Models whose depth grows, and fairseq's plain transformer of the layers that run in one."""

import re

import torch
from support import SHARING, every_parameter, sharing_options, tiny_model
from torch import nn

from fairseq_sharing.model.config import SIDES

SIX = {"encoder_layers": 6, "decoder_layers": 6}
MAPS = {name: sharing_options(name) for name in SHARING} | {
    "explicit maps": {"encoder_layer_map": "0,0,0,1,1,2", "decoder_layer_map": "0,1,0,2,2,1"}
}
UPDATES = {"M": 0, "between": 10, "N": 20}
"""Updates after which a model with ``--grow-depth-at 10,20`` has these depths."""


def growing(sharing: str = "cycle_rev", at: str = "M", **options) -> nn.Module:
    """A tiny model that shares as ``MAPS`` says, N=6, and has grown to the depth ``at``."""
    model = tiny_model(**{**SIX, **MAPS[sharing], "grow_depth_at": "10,20", **options})
    model.set_num_updates(UPDATES[at])
    return model


def not_growing(sharing: str = "cycle_rev", **options) -> nn.Module:
    """The same model with all its layers from the start."""
    return tiny_model(**{**SIX, **MAPS[sharing], **options})


def plain_of(model: nn.Module, **options) -> nn.Module:
    """fairseq's transformer of the layers that run in ``model``, with a copy of each's weights."""
    running = {side: getattr(model, side).layers.running for side in SIDES}
    depths = {f"{side}_layers": len(positions) for side, positions in running.items()}
    plain = tiny_model(arch="transformer", **depths, **options)
    weights = every_parameter(model)
    with torch.no_grad():
        for name, parameter in every_parameter(plain).items():
            parameter.copy_(weights[name_in(running, name)])
    return plain


def name_in(running: dict[str, tuple[int, ...]], name: str) -> str:
    """What a parameter of the plain model is called in the one whose layers ``running`` run."""
    layer = re.fullmatch(r"(encoder|decoder)\.layers\.(\d+)\.(.*)", name)
    if layer is None:
        return name
    return f"{layer[1]}.layers.{running[layer[1]][int(layer[2])]}.{layer[3]}"


def run_with_gradients(model: nn.Module, inputs: dict, seed: int = 7) -> torch.Tensor:
    """The outputs in training, with fixed random numbers, after a backward pass."""
    torch.manual_seed(seed)
    logits = model.train()(**inputs)[0]
    probe = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
    (logits * probe).sum().backward()
    return logits
