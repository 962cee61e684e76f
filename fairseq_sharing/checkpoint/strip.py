"""An inference-only checkpoint: the weights, each once, in the precision asked for."""

import hashlib

import torch
from torch import Tensor

from ..model.state import is_map
from .contents import Checkpoint
from .files import Content, State
from .inference import inference_content
from .precision import DTYPES

NO_WEIGHTS = (".own", ".residual_start", ".running_layers", ".version")
"""Ends of the names of entries that keep their precision, as maps do, being small and exact."""


def strip(checkpoint: Checkpoint, dtype: str | None = None) -> Content:
    """``checkpoint`` without optimizer, EMA and metrics; weights cast to ``dtype`` if given.

    ``dtype`` is a key of DTYPES. Works for every fairseq model.
    """
    state = {
        name: tensor.to(DTYPES[dtype]) if dtype and _is_weight(name, tensor) else tensor
        for name, tensor in checkpoint.state.items()
    }
    return inference_content(checkpoint, stored_once(state))


def _is_weight(name: str, tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not (name.endswith(NO_WEIGHTS) or is_map(name))


def stored_once(state: State) -> State:
    """The same entries, those with equal content as one tensor, which a file then holds once."""
    seen: dict[tuple, Tensor] = {}
    return {name: seen.setdefault(_identity(tensor), tensor) for name, tensor in state.items()}


def _identity(tensor: Tensor) -> tuple:
    octets = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
    return tensor.dtype, tensor.shape, hashlib.sha256(octets.data).digest()
