"""numpy's numbers and arrays in checkpoints, rebuilt without numpy's own unpickling.

fairseq keeps the counts of ``--eval-bleu`` as numpy's integers and arrays in its meters, and saves
them in checkpoints, which torch's safe loader then refuses. numpy's functions cannot simply be
allowed: a dtype takes flags from the file that make numpy follow numbers as pointers. So the safe
loader is given stand-ins under their names, which take numbers and nothing else.
"""

import math
import pickle
import re
from typing import Any

import numpy as np
import torch


class _Dtype:
    """Stands for ``numpy.dtype``: a type of numbers and its byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[biuf]\d+", code):
            raise pickle.UnpicklingError(f"Unsupported GLOBAL numpy.dtype({code!r})")
        self.of_numbers = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        self.of_numbers = self.of_numbers.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array as read from a checkpoint; saved again, it is numpy's own."""

    def __new__(cls, *_: Any) -> "_Array":
        return super().__new__(cls, (0,), np.int8)

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, by_columns, data = state
        size = math.prod(shape) * dtype.of_numbers.itemsize
        if min(shape, default=0) < 0 or type(data) is not bytes or len(data) != size:
            raise ValueError("an array does not have the bytes of its shape")
        content: Any = (1, tuple(shape), dtype.of_numbers, bool(by_columns), data)
        super().__setstate__(content)

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(dtype: _Dtype, data: bytes) -> int | float | bool:
    return np.frombuffer(data, dtype.of_numbers, 1).item()


_STAND_INS: list[Any] = [
    (_Dtype, "numpy.dtype"),
    (_Array, "numpy.ndarray"),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
]


def allowed() -> torch.serialization.safe_globals:
    """Within it, torch's safe loader takes numpy's numbers and arrays; numbers become Python's."""
    return torch.serialization.safe_globals(_STAND_INS)
