"""The weights of a checkpoint's stack, each position's under a name of its own."""

from ..errors import SharingError
from ..model.state_hooks import expand_state_dict
from .contents import Checkpoint
from .files import State
from .own import fold_own

_COMPUTED = (".embed_positions._float_tensor", ".embed_positions.weights")
"""Ends of the names of entries that older fairseq stored though they are computed."""


def stacked_state(checkpoint: Checkpoint) -> State:
    """The weights under every name that a model of N real layers has, tied ones as one tensor.

    What a position has of its own is folded into them.
    Raises SharingError if the state dict is not of the model that the options describe.
    """
    state = {name: t for name, t in checkpoint.state.items() if not name.endswith(_COMPUTED)}
    model = checkpoint.skeleton()
    model.upgrade_state_dict(state)
    expand_state_dict(model, state)
    state = fold_own(state)
    expected = checkpoint.skeleton(**checkpoint.unshared).state_dict()
    for name in [*expected, *state]:
        here, there = (entries.get(name) for entries in (state, expected))
        if here is None or there is None or here.shape != there.shape:
            found, wanted = ("none" if t is None else tuple(t.shape) for t in (here, there))
            raise SharingError(
                f"checkpoint {checkpoint.path} does not fit its own options: {name} is of shape "
                f"{found}, by the options it is {wanted}"
            )
    return state
