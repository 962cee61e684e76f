"""How often beam search makes the host wait for the device, counted on a CPU."""

from collections import Counter

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator
from support import batch, dictionary, sharing_options, tiny_model, unshared_copy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

WAITING_OPERATORS = {"_local_scalar_dense", "equal", "nonzero", "masked_select", "is_nonzero"}
WAITING_METHODS = {torch.Tensor.tolist}


class _Operators(TorchDispatchMode):
    def __init__(self, counts):
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITING_OPERATORS or (name.startswith("index") and _has_mask(args)):
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


class _Methods(TorchFunctionMode):
    """For what runs on a CPU without an operator of its own."""

    def __init__(self, counts):
        super().__init__()
        self.counts = counts

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in WAITING_METHODS:
            self.counts[func.__name__] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(args):
    """Whether an index is a mask, whose elements the host has to count."""
    indices = [index for arg in args if isinstance(arg, list) for index in arg]
    return any(index is not None and index.dtype == torch.bool for index in indices)


def waits(model, sample):
    """Waits of a beam search, and the number of its hypotheses in each step."""
    counts, sizes = Counter(), []
    note = model.decoder.layers[0].register_forward_hook(
        lambda _, inputs, __: sizes.append(inputs[0].shape[1])
    )
    generator = SequenceGenerator([model], dictionary(), beam_size=4, max_len_b=20)
    with _Methods(counts), _Operators(counts):
        generator.generate([model], sample)
    note.remove()
    return counts.total(), sizes


@pytest.fixture(params=["cycle_rev", "universal"])
def models(request):
    """A shared model whose hypotheses end after different numbers of words, and its copy."""
    model = tiny_model(
        **sharing_options(request.param), decoder_layers=6, share_all_embeddings=False
    ).eval()
    with torch.no_grad():
        model.decoder.output_projection.weight[2] *= 3
    return model, unshared_copy(model, decoder_layers=6, share_all_embeddings=False).eval()


@pytest.mark.parametrize("sentences", [2, 16])
def test_shared_layers_add_no_wait_to_a_step(models, sentences):
    sample = {"net_input": batch(sentences, 9, 6)}
    (ours, sizes), (theirs, their_sizes) = (waits(model, sample) for model in models)
    assert sizes == their_sizes
    assert ours <= theirs + len(set(sizes))  # one for each size of the batch
