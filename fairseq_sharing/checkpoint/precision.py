"""Precisions of weights."""

import torch

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Those that weights can be stored in, by the names that fairseq has for them."""


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """The precision of what is computed from weights of ``dtype``; of whole numbers, their own."""
    return torch.promote_types(dtype, torch.float32) if dtype.is_floating_point else dtype
