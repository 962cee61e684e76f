"""Cross-attention keys and values, projected once for each unique decoder layer.

Stacked decoder layers with the same parameters project the same encoder output with the same
weights. Here they also share the attention *object*. What it keeps between calls in fairseq's
``incremental_state``, its projected keys and values, depends on nothing but encoder output and
weights, so that in decoding the first of the layers fills it and the others find it; there is one
entry for each unique layer to reorder. A call of the whole decoder without ``incremental_state``,
as in training, gets a dictionary for just that purpose, which ends with the call.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fairseq.modules import MultiheadAttention
from torch import nn

from .strategies import LayerMap, first_uses

_projections: ContextVar[dict | None] = ContextVar("projections", default=None)


@contextmanager
def projected_once() -> Iterator[None]:
    """Within it, each shared cross-attention keeps the keys and values of its first call.

    For the calls of one forward pass, which all have the same encoder output. Other threads, and
    layers that activation checkpointing runs again in the backward pass, are outside of it.
    """
    token = _projections.set({})
    try:
        yield
    finally:
        _projections.reset(token)


class SharedCrossAttention(MultiheadAttention):
    """fairseq's attention as several layers of a decoder use it.

    It overrides the call and not ``forward``, which TorchScript compiles as fairseq wrote it.
    """

    def __call__(self, *args, incremental_state=None, **kwargs):
        if incremental_state is None:
            incremental_state = _projections.get()
        return super().__call__(*args, incremental_state=incremental_state, **kwargs)


def share_cross_attention(layers: nn.ModuleList, layer_map: LayerMap) -> None:
    """Give decoder layers with equal numbers in ``layer_map`` one cross-attention, in place.

    Their parameters are tied already. Layers with a number of their own, and layers without
    cross-attention, stay as they are.
    """
    stacked = list(layers.children())  # iterating over the list itself may drop layers
    uses = Counter(layer_map)
    for layer, entry, first in zip(stacked, layer_map, first_uses(layer_map), strict=True):
        if layer.encoder_attn is not None and uses[entry] > 1:
            layer.encoder_attn = stacked[first].encoder_attn
            layer.encoder_attn.__class__ = SharedCrossAttention
