"""A shared model as fairseq's own model of the depth that it was trained at."""

from ..model.config import option_names
from .contents import Checkpoint
from .depth import at_trained_depth
from .empty_ffn import with_empty_ffn
from .files import Content, State
from .fold import fold_residuals
from .inference import inference_content
from .options import Options
from .stacked import stacked_state


def unroll(checkpoint: Checkpoint) -> Content:
    """A checkpoint with a real layer for each that runs, which needs no plugin to be decoded.

    Its options are plain data, so that torch's safe loader takes it without being told of any
    class. Layers that were tied are the same tensors, which the file holds once. Admin's residual
    vectors are folded into the weights, and a decoder without feed-forwards gets empty ones. Raises
    SharingError where that cannot be done.
    """
    state, options = unrolled(checkpoint)
    return inference_content(checkpoint, state, options)


def unrolled(checkpoint: Checkpoint) -> tuple[State, Options]:
    """State dict and options of fairseq's own model that computes the same."""
    kind = checkpoint.kind
    own = option_names(kind.options) - option_names(kind.unshared_options)
    checkpoint = at_trained_depth(checkpoint)
    state, options = stacked_state(checkpoint), checkpoint.options()
    if options.get("residual_scaling", "none") != "none":
        state, options = fold_residuals(state, checkpoint.state, options)
    if options.get("no_decoder_ffn"):
        state, options = with_empty_ffn(state, options)
    plain = {name: value for name, value in options.items() if name not in own}
    return state, plain | {"_name": kind.unshared}
