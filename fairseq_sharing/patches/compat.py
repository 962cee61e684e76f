"""All that is changed in fairseq or torch at run time, done once, when the plugin is imported.

- fairseq's checkpoints hold an ``argparse.Namespace``, which torch's safe loader (the default
  since 2.6) refuses. It is a plain container, so it is added to what that loader takes; loading
  stays on ``weights_only`` and everything else stays refused.
- Those of a training with ``--eval-bleu`` hold numpy's numbers and arrays as well. While a
  checkpoint is read they are taken as ``numpy_values`` says.
- fairseq's loader lets a file that is no checkpoint, is cut short or asks for code escape as a
  traceback of the unpickler. It is wrapped to say which file it was and what to do.
- fairseq's option parser lists no model's options, takes ``--bf16`` for a request to train on a TPU
  and answers a misspelt ``--arch`` with hundreds of names; ``parser`` says what it does instead.
- fairseq's trainer logs a line for each tied parameter; ``tie_lines`` leaves out those of layers.
- torch's DistributedDataParallel is called as ``data_parallel`` says, so that processes without a
  GPU can train together.
- fairseq detects torchrun only where there are GPUs; ``torchrun`` says what is done instead.
- fairseq resumes at the right place of the data only on the same number of devices and in the
  epoch that the process started in, and resumes several processes only through a loader that is
  not safe; ``resume`` says what is done instead.
- fairseq's language model names the class of its decoder; ``language_decoder`` says how another
  one comes in its place.
- fairseq asks numpy for ``compat.long``, which numpy 2 no longer has, when each line of a text is a
  sample of a language model, as in fairseq-interactive; ``numpy_one`` gives it that.
- fairseq finds no BLEU where a validation translates nothing, as ``empty_bleu`` says.
- fairseq-train saves nothing when it is asked to end. It is made to, as ``stopping`` says.
- Mistakes of the user and interruptions end fairseq's commands with one line, as ``errors`` says;
  that is done before anything else, since importing fairseq takes seconds.
"""

import argparse
import functools
import pickle
import re
import struct
import sys
from pathlib import Path

import torch
from fairseq import checkpoint_utils, options
from fairseq.data import language_pair_dataset, token_block_dataset
from fairseq.data.iterators import EpochBatchIterator
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model, transformer_lm
from fairseq.tasks import FairseqTask
from fairseq.trainer import Trainer

from ..errors import SharingError
from . import (
    empty_bleu,
    language_decoder,
    numpy_values,
    parser,
    resume,
    stopping,
    tie_lines,
    torchrun,
)
from .data_parallel import data_parallel
from .numpy_one import NumpyWithCompat

UNREADABLE = (
    *(pickle.UnpicklingError, struct.error, RuntimeError, EOFError, OSError, MemoryError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""What torch and fairseq raise for files that are cut short or are no checkpoints."""


def apply() -> None:
    """Make the changes; a second call does nothing."""
    if hasattr(checkpoint_utils.load_checkpoint_to_cpu, "__wrapped__"):
        return
    torch.serialization.add_safe_globals([argparse.Namespace])
    checkpoint_utils.load_checkpoint_to_cpu = _explained(checkpoint_utils.load_checkpoint_to_cpu)
    options.parse_args_and_arch = parser.parsing(options.parse_args_and_arch)
    tie_lines.leave_out()
    distributed_fairseq_model.DistributedDataParallel = data_parallel
    transformer_lm.TransformerDecoder = language_decoder.replaceable(
        transformer_lm.TransformerDecoder
    )
    distributed_utils.infer_init_method = torchrun.without_gpus(distributed_utils.infer_init_method)
    EpochBatchIterator.state_dict = resume.saving_shards(EpochBatchIterator.state_dict)
    EpochBatchIterator.load_state_dict = resume.loading_shards(EpochBatchIterator.load_state_dict)
    token_block_dataset.np = language_pair_dataset.np = NumpyWithCompat()
    FairseqTask.get_batch_iterator = resume.same_batches(FairseqTask.get_batch_iterator)
    Trainer.load_checkpoint = resume.reading_everywhere(Trainer.load_checkpoint)
    if Path(sys.argv[0]).name in ("fairseq-train", "fairseq-hydra-train"):
        training = sys.modules["fairseq_cli.train"]
        stopping.save_when_asked(training)
        empty_bleu.count_as_zero(training)


def _explained(load):
    @functools.wraps(load)
    def load_checkpoint_to_cpu(path, *args, **kwargs):
        try:
            with numpy_values.allowed():
                return load(path, *args, **kwargs)
        except FileNotFoundError:
            raise
        except UNREADABLE as error:
            raise SharingError(f"checkpoint {path}: {refusal(error)}") from error

    return load_checkpoint_to_cpu


def refusal(error: Exception) -> str:
    """Why torch or fairseq would not read a checkpoint, in one line."""
    if isinstance(error, IsADirectoryError | NotADirectoryError | PermissionError):
        return f"{error.strerror}; give the path of a checkpoint file"
    wanted = re.search(r"GLOBAL (\S+)", str(error))
    if wanted:
        return (
            f"refused, it asks for {wanted[1]}, which is not plain data; nothing in it "
            "was run. Get the file from a source you trust, saved by fairseq"
        )
    return (
        "not a readable checkpoint (cut short, or not a checkpoint at all); "
        "copy it again or use another one"
    )
