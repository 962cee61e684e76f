"""Residual scaling by Admin: a post-norm sublayer f gives LN(f(x) + w * x) instead of LN(f(x) + x).

After Liu et al., "Understanding the Difficulty of Training Transformers" (2020). Each sublayer of
each stacked layer has a trainable vector w of its own, also where layers are tied. It is kept as w
= start + delta: ``start`` is one number, measured in the first training pass, and ``delta`` a
Parameter of d elements, trained from zero. The optimizer may hold copies of parameters from before
that pass (fairseq's does with ``--fp16``), so the pass must not write to parameters.

fairseq's layers hand ``residual_connection(f(x), x)`` to the norm of the sublayer. Here the
residual connection (of ``layers``) hands over the pair, and the norm adds it up.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SharingError

START_KEY = "{side}.residual_start"
NORMS = ("self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm")


class ScaledResidualNorm(nn.LayerNorm):
    """A sublayer's norm with its residual vector; takes the place and parameters of ``norm``."""

    def __init__(self, norm: nn.LayerNorm, profile: "ResidualProfile") -> None:
        super().__init__(norm.normalized_shape, norm.eps)
        self.weight, self.bias = norm.weight, norm.bias
        self.residual_start = 1.0
        self.residual_delta = nn.Parameter(torch.zeros(self.normalized_shape))
        self.profile = profile

    def residual_vector(self) -> Tensor:
        """w, (C,)."""
        return self.residual_start + self.residual_delta

    def forward(self, pair):
        """LN(f(x) + w * x), (T, B, C), of ``pair`` = (f(x), x)."""
        x, residual = pair[0], pair[1]
        if self.training and not torch.jit.is_scripting():
            self.profile.visit(self, x, residual)
        total = torch.addcmul(x, self.residual_vector(), residual)
        return F.layer_norm(total, self.normalized_shape, self.weight, self.bias, self.eps)


class ResidualProfile:
    """Where the residual vectors of a model start: measured once, in its first training pass.

    On each side a running value r begins at 1. Each sublayer in stacking order starts from r, and
    r becomes sqrt(Var(w * x) + Var(f(x))), with population variances over all elements in float32,
    averaged over the processes that train together. ``done`` says that it was measured; that and
    the starts are part of the model's state.
    """

    def __init__(self, stacks: Mapping[str, nn.ModuleList]) -> None:
        """Let the norms of ``stacks``, the layers of each side, scale residuals, in place."""
        self.done = False
        self.norms = {side: list(self._scale(layers)) for side, layers in stacks.items()}
        self._order = [norm for norms in self.norms.values() for norm in norms]
        self._side_starts = {norms[0] for norms in self.norms.values()}
        self._position = 0
        self._running = 1.0

    def _scale(self, layers: nn.ModuleList) -> Iterator[ScaledResidualNorm]:
        for layer in layers.children():  # iterating over the list itself may drop layers
            for name in NORMS:
                norm: Any = getattr(layer, name, None)
                if hasattr(norm, "normalized_shape"):
                    setattr(layer, name, ScaledResidualNorm(norm, self))
                    yield getattr(layer, name)

    @torch.no_grad()
    def visit(self, norm: ScaledResidualNorm, x: Tensor, residual: Tensor) -> None:
        """Measure where ``norm`` starts, unless that is done; SharingError if not finite.

        Only passes through all norms in their order count; each begins anew at the first one.
        """
        if self.done:
            return
        if norm is self._order[0]:
            self._position = 0
        if norm is not self._order[self._position]:
            return
        start = 1.0 if norm in self._side_starts else self._running
        variance = _variance(start * residual.float()) + _variance(x.float())
        self._running = _mean_over_processes(variance).sqrt().item()
        if not math.isfinite(self._running):
            self._reset()
            raise SharingError(
                "--residual-scaling admin: the first training batch gives activations that are "
                "not finite, no residual vector was set; check the data and the initial weights"
            )
        norm.residual_start = start
        self._position += 1
        self.done = self._position == len(self._order)

    def _reset(self) -> None:
        self.done = False
        self._position = 0
        for norm in self._order:
            norm.residual_start = 1.0

    def store(self, state: dict[str, Any], prefix: str = "") -> None:
        """Add the starts to a state dict once they are measured: (2N,) and (3N,) in float32."""
        if self.done:
            for side, norms in self.norms.items():
                starts = [norm.residual_start for norm in norms]
                state[prefix + START_KEY.format(side=side)] = torch.tensor(starts, device="cpu")

    def restore(self, state: dict[str, Any]) -> None:
        """Take the starts out of a state dict; without them the next training pass measures.

        Raises SharingError if they are of a model of another depth.
        """
        stored = {side: state.pop(START_KEY.format(side=side), None) for side in self.norms}
        for side, norms in self.norms.items():
            if stored[side] is not None and len(stored[side]) != len(norms):
                raise SharingError(
                    f"the checkpoint's {side} has residual vectors of {len(stored[side])} "
                    f"sublayers, the model's has {len(norms)}; build the model with the "
                    f"checkpoint's --{side}-layers"
                )
        self._reset()
        for side, norms in self.norms.items():
            if stored[side] is not None:
                self.done = True
                for norm, start in zip(norms, stored[side].tolist(), strict=True):
                    norm.residual_start = start


def _variance(values: Tensor) -> Tensor:
    return values.var(correction=0)


def _mean_over_processes(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value
