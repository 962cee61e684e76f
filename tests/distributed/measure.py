"""One of two processes that build the same Admin model and measure a batch of their own.

Usage: measure.py RANK FILE, where FILE is where they meet; prints the starts as JSON.
"""

import json
import sys
from pathlib import Path

import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from equality import build
from support import batch, sharing_options

from fairseq_sharing.model.admin import ScaledResidualNorm

dist.init_process_group(
    "gloo", init_method=f"file://{sys.argv[2]}", rank=int(sys.argv[1]), world_size=2
)
model = build("shared_transformer", **sharing_options("cycle_rev"), residual_scaling="admin")
model(**batch(seed=int(sys.argv[1])))
norms = [module for module in model.modules() if isinstance(module, ScaledResidualNorm)]
print(json.dumps([norm.residual_start for norm in norms]))
dist.destroy_process_group()
