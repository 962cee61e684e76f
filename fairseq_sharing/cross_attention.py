"""Cross-attention keys and values, projected once for each unique decoder layer.

Stacked decoder layers with the same parameters project the same encoder output with the same
weights. Here they also share the attention *object*. What it keeps between calls in fairseq's
``incremental_state``, its projected keys and values, depends on nothing but encoder output and
weights, so that in decoding the first of the layers fills it and the others find it; there is one
entry for each unique layer to reorder. A call of the whole decoder without ``incremental_state``,
as in training, gets a dictionary for just that purpose, which ends with the call.

Beam search repeats the encoder output for every hypothesis. In ``incremental_state`` a sentence has
its keys and values once, and all of its hypotheses attend to them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import gcd
from typing import Any, Dict, Optional  # noqa: UP035

import torch
from fairseq.modules import MultiheadAttention
from torch import Tensor, nn

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

    It overrides the call and not ``forward``, which TorchScript compiles as fairseq wrote it; there
    every hypothesis has rows of its own in the cache. In its own cache a sentence has one row, and
    hypotheses are to fairseq's code further target positions, which is the same to it.
    """

    _reorder_rows = MultiheadAttention.reorder_incremental_state
    reused = True
    """Whether several of the layers that run use it; else it is fairseq's attention."""

    def __call__(
        self, query, key, value, key_padding_mask=None, incremental_state=None, **kwargs
    ) -> tuple[Tensor, Tensor | None]:
        if not self.reused:
            return super().__call__(
                query, key, value, key_padding_mask, incremental_state, **kwargs
            )
        if incremental_state is None:
            kept = _projections.get()
            return super().__call__(query, key, value, key_padding_mask, kept, **kwargs)
        state = self._get_input_buffer(incremental_state)
        if "prev_key" not in state:
            copies = state["copies"] = copies_of_each(key, key_padding_mask)
            self._set_input_buffer(incremental_state, state)
            key = value = key[:, ::copies].contiguous()
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask[::copies]
        copies = state["copies"]
        attended, weights = super().__call__(
            _as_positions(query, copies), key, value, key_padding_mask, incremental_state, **kwargs
        )
        return _as_rows(attended, copies), _weights_as_rows(weights, copies)

    @torch.jit.export
    def reorder_incremental_state(
        self,
        incremental_state: Optional[Dict[str, Dict[str, Optional[Tensor]]]],  # noqa: UP006, UP045
        new_order: Tensor,
    ):
        """Choose the rows of the cache for hypotheses that go on from those in ``new_order``."""
        if torch.jit.is_scripting() or not self.reused:
            return self._reorder_rows(incremental_state, new_order)
        else:
            _choose_rows(self._get_input_buffer(incremental_state), new_order)
            return incremental_state


def copies_of_each(encoded: Tensor, padding: Tensor | None) -> int:
    """The largest k such that each k rows in turn, from the first on, are equal.

    ``encoded`` is (S, B, C) and ``padding`` (B, S); the rows are those of B.
    """
    differ = (encoded[:, 1:] != encoded[:, :-1]).any(-1).any(0)
    if padding is not None:
        differ |= (padding[1:] != padding[:-1]).any(-1)
    return gcd(encoded.shape[1], *(differ.nonzero().flatten() + 1).tolist())


def _as_positions(query: Tensor, copies: int) -> Tensor:
    """(T, B, C) as (T * copies, B / copies, C): what rows attend to depends on their keys alone."""
    return query.unflatten(1, (-1, copies)).transpose(1, 2).flatten(0, 1).contiguous()


def _as_rows(attended: Tensor, copies: int) -> Tensor:
    """The inverse of ``_as_positions``."""
    return attended.unflatten(0, (-1, copies)).transpose(1, 2).flatten(1, 2)


def _weights_as_rows(weights: Tensor | None, copies: int) -> Tensor | None:
    """(..., B / copies, T * copies, S) as (..., B, T, S)."""
    if weights is None:
        return None
    return weights.unflatten(-2, (-1, copies)).transpose(-3, -2).flatten(-4, -3)


def _choose_rows(state: dict[str, Any], new_order: Tensor) -> None:
    """Let ``state``, with a row for each ``copies`` hypotheses, follow ``new_order``, in place.

    Where that separates the hypotheses of a row, each gets a row of its own.
    """
    if "prev_key" not in state:
        return
    copies = state["copies"]
    rows = new_order // copies
    unchanged = torch.arange(len(state["prev_key"]), device=rows.device)
    if torch.equal(rows, unchanged.repeat_interleave(copies)):
        return
    chosen = rows[::copies]
    if not torch.equal(chosen.repeat_interleave(copies), rows):
        chosen, state["copies"] = rows, 1
    for part in ("prev_key", "prev_value", "prev_key_padding_mask"):
        if state[part] is not None:
            state[part] = state[part].index_select(0, chosen)


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


def note_running(layers: Iterable[nn.Module]) -> None:
    """Tell each shared cross-attention whether several of ``layers``, which run, use it."""
    attentions = (getattr(layer, "encoder_attn", None) for layer in layers)
    uses = Counter(a for a in attentions if isinstance(a, SharedCrossAttention))
    for attention, count in uses.items():
        attention.reused = count > 1
