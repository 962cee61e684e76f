"""Hypotheses of beam search whose sentence has its keys and values in one row of a cache."""

from math import gcd
from typing import Any

import torch
from torch import Tensor


def copies_of_each(encoded: Tensor, padding: Tensor | None) -> int:
    """The largest k such that each k rows in turn, from the first on, are equal.

    ``encoded`` is (S, B, C) and ``padding`` (B, S); the rows are those of B.
    """
    differ = (encoded[:, 1:] != encoded[:, :-1]).any(-1).any(0)
    if padding is not None:
        differ |= (padding[1:] != padding[:-1]).any(-1)
    return gcd(encoded.shape[1], *(row for row, new in enumerate(differ.tolist(), 1) if new))


def as_positions(query: Tensor, copies: int) -> Tensor:
    """(T, B, C) as (T * copies, B / copies, C): what rows attend to depends on their keys alone."""
    return query.unflatten(1, (-1, copies)).transpose(1, 2).flatten(0, 1).contiguous()


def as_rows(attended: Tensor, copies: int) -> Tensor:
    """The inverse of ``as_positions``."""
    return attended.unflatten(0, (-1, copies)).transpose(1, 2).flatten(1, 2)


def weights_as_rows(weights: Tensor | None, copies: int) -> Tensor | None:
    """(..., B / copies, T * copies, S) as (..., B, T, S)."""
    if weights is None:
        return None
    return weights.unflatten(-2, (-1, copies)).transpose(-3, -2).flatten(-4, -3)


def follow(states: list[dict[str, Any]], new_order: Tensor) -> None:
    """Let ``states``, with a row for each ``copies`` hypotheses, follow ``new_order``, in place.

    As many hypotheses as before are taken for those of the same sentences, as in fairseq.
    """
    chosen: dict[int, tuple[Tensor, int]] = {}
    for state in states:
        copies = state.get("copies", 1)
        if "prev_key" not in state or len(new_order) == len(state["prev_key"]) * copies:
            continue
        if copies not in chosen:
            chosen[copies] = _rows_of(new_order, copies)
        rows, state["copies"] = chosen[copies]
        for part in ("prev_key", "prev_value", "prev_key_padding_mask"):
            if state.get(part) is not None:
                state[part] = state[part].index_select(0, rows)


def _rows_of(new_order: Tensor, copies: int) -> tuple[Tensor, int]:
    """The rows that ``new_order`` continues, and how many hypotheses each has then.

    Where it separates the hypotheses of a row, each gets a row of its own.
    """
    rows = new_order // copies
    first = rows[::copies]
    if copies == 1 or torch.equal(first.repeat_interleave(copies), rows):
        return first, copies
    return rows, 1
