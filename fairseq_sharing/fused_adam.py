"""fairseq's Adam as torch's fused kernel: ``--optimizer fused_adam``, on a CPU and on a GPU."""

import ast
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import OPTIMIZER_REGISTRY, FairseqOptimizer, register_optimizer
from fairseq.optim.adam import FairseqAdam

from .errors import SharingError


@dataclass
class FusedAdamConfig(FairseqDataclass):
    """The options of fairseq's ``--optimizer adam`` that change an update."""

    adam_betas: Any = field(default=(0.9, 0.999), metadata={"help": "betas of Adam"})
    adam_eps: float = field(default=1e-8, metadata={"help": "epsilon of Adam"})
    weight_decay: float = field(
        default=0.0, metadata={"help": "weight decay, apart from the gradient as in AdamW"}
    )
    lr: Any = "${optimization.lr}"


class FusedAdam(torch.optim.AdamW):
    """torch's fused AdamW with fairseq's epsilon, which is added before the bias correction.

    Updates are those of ``fairseq.optim.adam.Adam`` up to rounding, in one pass over memory.
    """

    def __init__(self, params, **options) -> None:
        super().__init__(params, fused=True, **options)

    def step(self, closure=None):
        epsilons = [group["eps"] for group in self.param_groups]
        for group in self.param_groups:
            group["updates"] = group.get("updates", 0) + 1
            group["eps"] /= (1 - group["betas"][1] ** group["updates"]) ** 0.5
        try:
            return super().step(closure)
        finally:
            for group, epsilon in zip(self.param_groups, epsilons, strict=True):
                group["eps"] = epsilon


class FairseqFusedAdam(FairseqAdam):
    """FusedAdam behind fairseq's interface."""

    def __init__(self, cfg: FusedAdamConfig, params) -> None:
        FairseqOptimizer.__init__(self, cfg)
        _check_betas(str(cfg.adam_betas))
        self._optimizer = FusedAdam(params, **self.optimizer_config)

    @property
    def supports_flat_params(self) -> bool:
        return True

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        raise SharingError(
            "--optimizer fused_adam cannot go with --memory-efficient-fp16 or "
            "--memory-efficient-bf16; use --fp16 or --bf16, or --optimizer adam"
        )


def _check_betas(given: str) -> None:
    try:
        first, second = ast.literal_eval(given)
        valid = 0 <= first < 1 and 0 <= second < 1
    except (SyntaxError, TypeError, ValueError):
        valid = False
    if not valid:
        raise SharingError(
            f"--adam-betas {given}: give two numbers from 0 to below 1, such as '(0.9, 0.98)'"
        )


if "fused_adam" not in OPTIMIZER_REGISTRY:
    register_optimizer("fused_adam", dataclass=FusedAdamConfig)(FairseqFusedAdam)
