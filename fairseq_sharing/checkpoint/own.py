"""What positions have of their own, in weights: folded into them, and found in them."""

import torch
from torch import Tensor

from ..model.own import OwnLinear
from ..model.shared_model import SharedModel
from .files import State
from .precision import at_least_float32

_PARTS = ("own_scale", "own_up", "own_down")


def fold_own(state: State) -> State:
    """The state of the same function whose projections have one weight each: s * W + U V.

    What is computed is in float32 at least.
    """
    folded = {}
    for name, tensor in state.items():
        module, _, kind = name.rpartition(".")
        if kind in _PARTS:
            continue
        scale, up, down = (state.get(f"{module}.{part}") for part in _PARTS)
        folded[name] = tensor
        if kind == "weight" and (scale is not None or up is not None):
            weight = tensor.double()
            if scale is not None:
                weight = scale.double()[:, None] * weight
            if up is not None and down is not None:
                weight = weight + up.double() @ down.double()
            folded[name] = weight.to(at_least_float32(tensor.dtype))
    return folded


def own_parts(model: SharedModel, wanted: State, shared: State) -> State:
    """What brings the weights of ``shared`` as near as can be to those of ``wanted``, by name.

    Scales are those of least squares for each output, then deltas by truncated singular values
    (Eckart and Young 1936). ``model`` says which projections have them.
    """
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, OwnLinear):
            target, weight = (state[f"{name}.weight"].double() for state in (wanted, shared))
            if module.own_scale is not None:
                scale = (target * weight).sum(1) / weight.square().sum(1).clamp(min=1e-12)
                found[f"{name}.own_scale"] = scale.float()
                weight = scale[:, None] * weight
            if module.own_up is not None:
                up, down = _factors(target - weight, module.own_up.shape[1])
                found |= {f"{name}.own_up": up.float(), f"{name}.own_down": down.float()}
    return found


def _factors(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(out, R) and (R, in) whose product is the nearest to a matrix (out, in)."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    roots = values[:rank].sqrt()
    return left[:, :rank] * roots, roots[:, None] * right[:rank]
