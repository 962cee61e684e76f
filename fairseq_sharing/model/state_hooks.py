"""A shared model's state dict through torch's hooks: for any prefix, and in any other module.

The hooks read these attributes of a model: ``cfg``, ``maps``, ``own``, ``residual_profile`` and
``growth``.
"""

from typing import Any

from torch import nn

from .asked_maps import shares_layers
from .growing_layers import restore_depth
from .own import KEY, check_own
from .state import check_ffn, check_scaling, compact_state, expand_state
from .tying import aliases, as_tied_parameters

StateDict = dict[str, Any]


def keep_state_compact(model: nn.Module) -> None:
    """Register hooks by which its state dict holds each parameter once, maps, starts and depths."""
    model.register_state_dict_post_hook(_compact)
    model.register_load_state_dict_pre_hook(_expand)


def expand_state_dict(model: Any, state: StateDict) -> None:
    """Bring a compact state dict to the model's own names, in place, and take over the rest.

    Raises SharingError if it is not of such a model.
    """
    check_own(state, model.own)
    expand_state(state, aliases(model), model.maps)
    check_ffn(state, model.maps["decoder"].sublayers)
    check_scaling(state, bool(model.residual_profile))
    if model.residual_profile:
        model.residual_profile.restore(state)
    restore_depth(state, model.growth, model.maps)


def _compact(model: Any, state: StateDict, prefix: str, *_: Any) -> None:
    if shares_layers(model.cfg):
        compact_state(state, aliases(model), model.maps, prefix)
    if model.own:
        state[prefix + KEY] = model.own.encode()
    if model.residual_profile:
        model.residual_profile.store(state, prefix)
    if model.growth:
        model.growth.store(state, prefix)


def _expand(model: Any, state: StateDict, prefix: str, metadata: StateDict, *_: Any) -> None:
    names = [name for name in state if name.startswith(prefix)]
    own = {name.removeprefix(prefix): state.pop(name) for name in names}
    expand_state_dict(model, own)
    if metadata.get("assign_to_params_buffers"):
        as_tied_parameters(own, aliases(model))
    state |= {prefix + name: value for name, value in own.items()}
