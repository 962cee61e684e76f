"""A fairseq-train that is asked to stop saves a checkpoint after the update it is at, and ends.

The schedulers of clusters ask with SIGTERM or SIGUSR1 and kill a little later; fairseq itself would
end at once and lose what it did since its last checkpoint. No validation is added, so that a
training that is resumed from such a checkpoint is the one that was never stopped. One that is asked
during a validation ends after it, without another update.
"""

import functools
import math
import mmap
import multiprocessing
import os
import signal
import sys
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from fairseq.distributed import utils as distributed
from fairseq.trainer import Trainer
from torch.utils.data._utils import signal_handling

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
STATUS = 128 + signal.SIGTERM


class _Stop:
    """Whether this process was asked to stop, and whether all ranks know it."""

    asked = False
    agreed = False

    def ask(self, signum: int, frame: FrameType | None) -> None:
        """Note the request, or pass it on to the processes that fairseq itself started."""
        self.asked = True
        for process in multiprocessing.active_children():
            if isinstance(process, SpawnProcess) and process.pid:
                self.agreed = True
                os.kill(process.pid, signum)


def save_when_asked(fairseq_train: Any) -> None:
    """Make the training that ``fairseq_train``, the module of that command, runs stop that way.

    fairseq adds up the processes' training times at every update. A process that was asked says
    that its time is infinite, so all of them find out at the same update, at no cost. They exit
    with status 143, so that the training is not taken for a finished one.
    """
    stop = _Stop()
    for signum in SIGNALS:
        signal.signal(signum, stop.ask)
    own_time, common_time = (
        Trainer._local_cumulative_training_time,
        Trainer.cumulative_training_time,
    )

    def _local_cumulative_training_time(self: Trainer) -> float:
        return math.inf if stop.asked else own_time(self)

    def cumulative_training_time(self: Trainer) -> float:
        seconds = common_time(self)
        if math.isfinite(seconds):
            return seconds
        stop.agreed = True
        return own_time(self)

    Trainer._local_cumulative_training_time = _local_cumulative_training_time
    Trainer.cumulative_training_time = cumulative_training_time
    fairseq_train.should_stop_early = _or_when(stop, fairseq_train.should_stop_early)
    distributed.call_main = _with_status(stop, distributed.call_main)
    signal_handling._set_worker_signal_handlers = _outlasting(
        signal_handling._set_worker_signal_handlers
    )


def _or_when(stop, should_stop_early):
    """fairseq asks this after each update, when it has validated and before it saves.

    Of processes that train together some may have been asked during the validation and others not.
    """

    @functools.wraps(should_stop_early)
    def stop_early(cfg, valid_loss):
        early = should_stop_early(cfg, valid_loss)
        if valid_loss is not None:
            stop.agreed = stop.agreed or _any_process(stop.asked)
        return early or stop.agreed

    return stop_early


def _any_process(asked: bool) -> bool:
    """Whether this is so in one of the processes that train together; all of them call it."""
    if not dist.is_initialized():
        return asked
    on = "cuda" if dist.get_backend() == "nccl" else "cpu"
    told = torch.tensor(float(asked), device=on)
    dist.all_reduce(told, op=dist.ReduceOp.MAX)
    return bool(told)


def _with_status(stop, call_main):
    @functools.wraps(call_main)
    def call(*args, **kwargs):
        call_main(*args, **kwargs)
        if stop.agreed:
            print("stopped when asked to, after saving a checkpoint", file=sys.stderr)
            raise SystemExit(STATUS)

    return call


def _outlasting(set_handlers):
    """Data-loading workers ignore the signals that a scheduler sends to every process of a job.

    multiprocessing ends them with SIGTERM, too, but only when this process is about to end. They
    inherit this by being forked, also in a process that fairseq itself started.
    """
    multiprocessing.set_start_method("fork", force=True)
    ending = mmap.mmap(-1, 1)
    Finalize(None, ending.write_byte, (1,), exitpriority=100)

    def end(signum: int, frame: FrameType | None) -> None:
        if ending[0]:
            os._exit(0)

    @functools.wraps(set_handlers)
    def handlers():
        set_handlers()
        for signum in SIGNALS:
            signal.signal(signum, end)

    return handlers
