"""A shared model as fairseq's own ``transformer`` of the same depth."""

from dataclasses import fields

from fairseq.models.transformer import TransformerConfig

from ..config import SharedTransformerConfig
from .contents import Checkpoint, Options
from .files import Content


def unroll(checkpoint: Checkpoint) -> Content:
    """A checkpoint with N real layers a side, which stock fairseq decodes without this plugin.

    Its options are plain data, so that torch's safe loader takes it without being told of any
    class. Layers that were tied are the same tensor, which the file holds once.
    """
    return checkpoint.inference_content(checkpoint.stacked_state(), plain_options(checkpoint))


def plain_options(checkpoint: Checkpoint) -> Options:
    """The options of the same Transformer that fairseq's own model has."""
    ours, theirs = (
        {f.name for f in fields(c)} for c in (SharedTransformerConfig, TransformerConfig)
    )
    options = checkpoint.options()
    return {k: v for k, v in options.items() if k not in ours - theirs} | {"_name": "transformer"}
