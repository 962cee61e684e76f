"""Sizes of a model's dictionaries, by its embeddings."""

import re
from collections.abc import Mapping

from torch import Tensor

_EMBEDDING = re.compile(
    r"(encoder|decoder)\.embed_tokens(?:\.embeddings\.\d+\.0)?\.weight"
    r"|decoder\.output_projection\.weight"
)
"""Entries with a row for each word; those of adaptive input are for a part of the words each."""


def dictionary_sizes(state: Mapping[str, Tensor], reader: str) -> tuple[int, int]:
    """Entries of the source and the target dictionary of a state dict's model; 0 if none is told.

    ``reader`` is the side that reads the source, ``encoder`` or ``decoder``: a language model's
    are of what it reads and what it predicts. One that reads characters tells the latter alone.
    """
    rows = {"encoder": 0, "decoder": 0, "output": 0}
    for name, tensor in state.items():
        embedding = _EMBEDDING.fullmatch(name)
        if embedding:
            rows[embedding[1] or "output"] += len(tensor)
    source = rows[reader] or (rows["output"] if reader == "decoder" else 0)
    return source, rows["output"] or rows["decoder"] or source
