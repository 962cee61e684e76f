"""torch's DistributedDataParallel, as fairseq's ``--ddp-backend pytorch_ddp`` should call it."""

from collections import Counter

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import SharingError


def data_parallel(module: nn.Module, device_ids=None, output_device=None, **options) -> nn.Module:
    """Wrap ``module`` for training in several processes.

    fairseq names a device also with ``--cpu``, where torch refuses one: there it is left out.
    Raises SharingError where layers share parameters and recompute their activations, since torch
    takes a gradient as complete after the first of such layers.
    """
    if next(module.parameters()).device.type == "cpu":
        device_ids = output_device = None
    uses = Counter(
        parameter
        for layer in module.modules()
        if hasattr(layer, "precheckpoint_forward")
        for parameter in layer.parameters()
    )
    if max(uses.values(), default=1) > 1:
        raise SharingError(
            "--checkpoint-activations with --ddp-backend pytorch_ddp cannot go with shared layers, "
            "whose gradients torch would take as complete after one of them; "
            "use --ddp-backend legacy_ddp"
        )
    return DistributedDataParallel(module, device_ids, output_device, **options)
