"""What a stacked position keeps of its own where it shares a sublayer with others.

Its norms, its biases, a scale for each output of a projection, as the diagonal of Wang and Li,
"ResidualTransformer" (2023), and a low-rank delta on each projection, as in Bae et al., "Relaxed
Recursive Transformers" (2024). All begin so that the model is the one without them.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from fairseq.modules import MultiheadAttention
from torch import Tensor, nn

from ..errors import SharingError
from .sublayers import SUBLAYERS

KINDS = ("norms", "biases", "scales")
KEY = "decoder.own"
"""Of a state dict, where a decoder is what every model has."""


@dataclass(frozen=True)
class Own:
    """What is a position's own: some of ``KINDS``, and deltas of a rank, 0 for none."""

    kinds: tuple[str, ...] = ()
    rank: int = 0

    @property
    def projects(self) -> bool:
        """Whether projections differ, and with them the keys and values of cross-attention."""
        return bool(self.rank or set(self.kinds) - {"norms"})

    def __bool__(self) -> bool:
        return bool(self.kinds or self.rank)

    def __str__(self) -> str:
        """``none``, or ``norms,biases rank 8``."""
        rank = f" rank {self.rank}" if self.rank else ""
        return f"{','.join(self.kinds)}{rank}".strip() or "none"

    def encode(self) -> Tensor:
        """As it is stored, (4,) in float32: a 1 for each of its kinds, and the rank."""
        values = [*(float(kind in self.kinds) for kind in KINDS), float(self.rank)]
        return torch.tensor(values, device="cpu")

    @classmethod
    def decode(cls, stored: Tensor | None) -> "Own":
        """What ``encode`` stored; nothing if there is nothing."""
        *kinds, rank = [0, 0, 0, 0] if stored is None else stored.float().round().tolist()
        return cls(tuple(k for k, kept in zip(KINDS, kinds, strict=True) if kept), int(rank))


NOTHING = Own()


def parse_own(kinds: str, rank: int | None) -> Own:
    """From the values of ``--own`` and ``--own-rank``; SharingError for unknown names."""
    names = [] if kinds == "none" else str(kinds).split(",")
    for name in names:
        if name not in KINDS:
            raise SharingError(
                f"--own {kinds}: unknown {name!r}; give none, or one or several, separated by "
                f"commas, of {', '.join(KINDS)}"
            )
    if rank is not None and (type(rank) is not int or rank < 1):
        raise SharingError(f"--own-rank {rank}: must be a whole number of at least 1; or drop it")
    return Own(tuple(kind for kind in KINDS if kind in names), rank or 0)


class OwnLinear(nn.Linear):
    """y = s * (W x) + U (V x) + b: W is shared, s (out,), U (out, R) and V (R, in) are its own.

    It takes the place and parameters of ``linear``. s is 1 and U is 0 at the start, V is drawn as
    the first factor of Hu et al., "LoRA" (2021).
    """

    def __init__(self, linear: nn.Linear, own: Own) -> None:
        biased = linear.bias is not None
        super().__init__(linear.in_features, linear.out_features, biased, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        for name in ("own_scale", "own_up", "own_down"):
            self.register_parameter(name, None)
        if "scales" in own.kinds:
            self.own_scale = nn.Parameter(self.weight.new_ones(self.out_features))
        if own.rank:
            self.own_up = nn.Parameter(self.weight.new_zeros(self.out_features, own.rank))
            down = self.weight.new_empty(own.rank, self.in_features)
            self.own_down = nn.Parameter(nn.init.kaiming_uniform_(down, math.sqrt(5)))

    def forward(self, x: Tensor) -> Tensor:
        """(..., out) of (..., in)."""
        y = F.linear(x, self.weight)
        if self.own_scale is not None:
            y = y * self.own_scale
        if self.own_up is not None and self.own_down is not None:
            y = y + F.linear(F.linear(x, self.own_down), self.own_up)
        return y if self.bias is None else y + self.bias


def shared_positions(sublayer: str, layers: tuple[int, ...]) -> list[int]:
    """The positions whose ``sublayer`` has the parameters of others, by its map."""
    across = sublayer == "encoder_ffn"
    return [p for p, entry in enumerate(layers) if across or layers.count(entry) > 1]


def give_own(side: Any, own: Own) -> None:
    """Give each position of an encoder or a decoder that shares what is its own, in place."""
    stack = list(side.layers.children())
    for sublayer, layers in side.side_map.sublayers.items():
        for position in shared_positions(sublayer, layers):
            for name in SUBLAYERS[sublayer]:
                _give(stack[position], name, own)


def _give(parent: nn.Module, name: str, own: Own) -> None:
    module = parent.get_submodule(name)
    if isinstance(module, MultiheadAttention):
        if own.rank or "scales" in own.kinds:
            module._set_skip_embed_dim_check()  # or torch's own function takes the shared weights
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            _give(module, projection, own)
    elif isinstance(module, nn.Linear):
        if "biases" in own.kinds:
            _separate(module, "bias")
        if own.rank or "scales" in own.kinds:
            setattr(parent, name, OwnLinear(module, own))
    elif "norms" in own.kinds:
        _separate(module, "weight")
        _separate(module, "bias")


def _separate(module: nn.Module, name: str) -> None:
    """Give ``module`` an equal parameter that is its own."""
    setattr(module, name, nn.Parameter(getattr(module, name).detach().clone()))


def check_own(state: dict[str, Any], own: Own) -> None:
    """Take out of ``state`` what its positions have of their own; SharingError if not ``own``."""
    stored = Own.decode(state.pop(KEY, None))
    if stored != own:
        rank = f" --own-rank {stored.rank}" if stored.rank else ""
        raise SharingError(
            f"what each position has of its own is {stored} in the checkpoint, {own} in the model; "
            f"build it with --own {','.join(stored.kinds) or 'none'}{rank}, or make such a "
            "checkpoint by fairseq-sharing checkpoint share"
        )
