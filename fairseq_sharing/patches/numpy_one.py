"""numpy for those modules of fairseq that use what numpy 2 no longer has."""

from types import SimpleNamespace
from typing import Any

import numpy


class NumpyWithCompat:
    """All that numpy has, and ``compat.long``, which was Python's ``int``."""

    compat = SimpleNamespace(long=int)

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy, name)
