"""Parameter sharing across layers for fairseq's transformer, as a plugin (``--user-dir``).

Importing it registers the models ``shared_transformer`` and ``shared_transformer_lm`` and their
presets with fairseq and makes fairseq's checkpoints load under today's torch.
"""

# ruff: noqa: E402 (errors must show as one line while the rest is imported)

import sys
from importlib import metadata
from importlib.util import find_spec

from . import errors

sys.argv[:] = sys.argv or [""]  # as an interpreter has it; fairseq fails without in an embedded one
errors.show_one_line()
if find_spec("fairseq") is None:
    raise errors.MissingFairseqError(
        "fairseq_sharing needs fairseq: "
        "pip install ve-fairseq (Python 3.11 or 3.12) or fairseq-fixed (newer)"
    )

from . import fused_adam  # noqa: F401
from .errors import SharingError
from .model import architectures  # noqa: F401
from .model.language_model import SharedLanguageModel
from .model.strategies import STRATEGIES, layer_map, parse_layer_map
from .model.transformer import SharedTransformerModel
from .model.tying import count_parameters, share_layers, tied_groups
from .patches import compat

compat.apply()

try:
    __version__ = metadata.version("fairseq_sharing")
except metadata.PackageNotFoundError:  # a --user-dir that is not installed
    __version__ = "unknown"

__all__ = [
    "STRATEGIES",
    "SharedLanguageModel",
    "SharedTransformerModel",
    "SharingError",
    "count_parameters",
    "layer_map",
    "parse_layer_map",
    "share_layers",
    "tied_groups",
]
