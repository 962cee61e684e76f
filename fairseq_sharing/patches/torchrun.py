"""torchrun and other launchers on machines without a GPU, where fairseq does not look for them."""

import functools
import os

import torch

PLACE = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK")
"""The variables that a launcher sets for each process that it starts."""


def without_gpus(infer_init_method):
    """fairseq's detection of torchrun and its like, made to work where there is no GPU.

    Without this change fairseq trains a separate model in each process. Those that find RANK and
    WORLD_SIZE in the environment train one together, through gloo.
    """

    @functools.wraps(infer_init_method)
    def infer(cfg, force_distributed=False):
        started = all(name in os.environ for name in PLACE)
        processes = int(os.environ["WORLD_SIZE"]) if started else 1
        if processes == 1 or torch.cuda.is_available() or cfg.distributed_init_method:
            return infer_init_method(cfg, force_distributed)
        cfg.distributed_init_method = "env://"
        cfg.distributed_backend = "gloo"
        cfg.distributed_world_size = processes
        cfg.distributed_rank = int(os.environ["RANK"])
        cfg.distributed_no_spawn = True

    return infer
