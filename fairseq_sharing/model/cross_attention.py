"""Cross-attention keys and values, projected once for each unique decoder layer.

Stacked decoder layers with the same parameters project the same encoder output with the same
weights. Here they also share the attention *object*. What it keeps between calls in fairseq's
``incremental_state``, its projected keys and values, depends on nothing but encoder output and
weights, so that in decoding the first of the layers fills it and the others find it; there is one
entry for each unique layer to reorder. A call of the whole decoder without ``incremental_state``,
as in training, gets a dictionary for just that purpose, which ends with the call.

Beam search repeats the encoder output for every hypothesis. In ``incremental_state`` a sentence has
its keys and values once, and all of its hypotheses attend to them. Which rows belong together has
to be read from the device, and the host waits for that: it is done once for the whole decoder, when
a batch begins and when some of its sentences have ended.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Dict, Optional  # noqa: UP035

import torch
from fairseq.modules import MultiheadAttention
from torch import Tensor, nn

from .hypotheses import as_positions, as_rows, copies_of_each, follow, weights_as_rows
from .strategies import LayerMap

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

    __jit_ignored_attributes__ = ("together",)
    together: "list[SharedCrossAttention]"
    """All of a decoder, this one too: they attend to the same encoder output."""

    _reorder_rows = MultiheadAttention.reorder_incremental_state

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.together = [self]
        self.asked_beam_size = 1
        self.used_by(2)

    def used_by(self, layers: int) -> None:
        """Set how many of the running layers use it; with one it behaves as fairseq's."""
        self.reused = layers > 1
        self.set_beam_size(self.asked_beam_size)

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
        if "prev_key" in state:
            sentences = len(state["prev_key"])
        else:
            equal = self._equal_rows(key, key_padding_mask, incremental_state)
            key = value = key[:, ::equal].contiguous()
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask[::equal]
            sentences = key.shape[1]
        copies = state["copies"] = query.shape[1] // sentences
        self._set_input_buffer(incremental_state, state)
        attended, weights = super().__call__(
            as_positions(query, copies), key, value, key_padding_mask, incremental_state, **kwargs
        )
        return as_rows(attended, copies), weights_as_rows(weights, copies)

    def _equal_rows(self, encoded: Tensor, padding: Tensor | None, incremental_state: Any) -> int:
        """How many consecutive rows are equal, determined once a step for all layers."""
        for attention in self._reused_together():
            sentences = len(attention._get_input_buffer(incremental_state).get("prev_key", ()))
            if sentences:
                return max(encoded.shape[1] // sentences, 1)
        return copies_of_each(encoded, padding)

    def _reused_together(self) -> "list[SharedCrossAttention]":
        return [attention for attention in self.together if attention.reused]

    def set_beam_size(self, beam_size: int) -> None:
        """As fairseq's, while it is not reused: else hypotheses share keys and values anyway."""
        self.asked_beam_size = beam_size
        super().set_beam_size(1 if self.reused else beam_size)

    @torch.jit.export
    def reorder_incremental_state(
        self,
        incremental_state: Optional[Dict[str, Dict[str, Optional[Tensor]]]],  # noqa: UP006, UP045
        new_order: Tensor,
    ):
        """Choose the rows of the cache for hypotheses that continue those in ``new_order``.

        The caches of the decoder's other layers follow as well, and are left alone in their turn.
        """
        if torch.jit.is_scripting() or not self.reused:
            return self._reorder_rows(incremental_state, new_order)
        else:
            reused = self._reused_together()
            states = [one._get_input_buffer(incremental_state) for one in reused]
            follow(states, new_order)
            return incremental_state


class CrossAttentions:
    """The cross-attentions of a decoder with this map, as its layers are built, bottom first.

    Layers with equal numbers get one object. One with a number of its own has fairseq's attention;
    so has every layer unless they are ``reused``.
    """

    def __init__(self, layer_map: LayerMap, *, reused: bool) -> None:
        uses = Counter(layer_map)
        self._entries = iter(entry if reused and uses[entry] > 1 else None for entry in layer_map)
        self._shared: dict[int, SharedCrossAttention] = {}
        self._together: list[SharedCrossAttention] = []

    def of_next_layer(
        self, build: Callable[[type[MultiheadAttention]], MultiheadAttention]
    ) -> MultiheadAttention:
        """That of the next layer; ``build`` makes one of a class."""
        entry = next(self._entries)
        if entry is None:
            return build(MultiheadAttention)
        if entry not in self._shared:
            attention: Any = build(SharedCrossAttention)
            attention.together = self._together
            self._together.append(attention)
            self._shared[entry] = attention
        return self._shared[entry]


def note_running(layers: Iterable[nn.Module]) -> None:
    """Tell each shared cross-attention whether several of ``layers``, which run, use it."""
    attentions = (getattr(layer, "encoder_attn", None) for layer in layers)
    uses = Counter(a for a in attentions if isinstance(a, SharedCrossAttention))
    for attention, count in uses.items():
        attention.used_by(count)
