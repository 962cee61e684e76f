"""What a shared model costs: parameters by building it without weights, arithmetic by formula."""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import torch
from fairseq.data import Dictionary
from fairseq.utils import eval_str_list

from .growth import Schedule, running_map
from .shared_model import SharedModel
from .strategies import LayerMap, num_unique_layers
from .transformer import SharedTransformerModel


@dataclass(frozen=True)
class Sizes:
    """Widths of a Transformer; ``heads`` only has to divide ``embed``."""

    embed: int = 512
    ffn: int = 2048
    heads: int = 8
    vocabulary: int = 32768


class _Words(Dictionary):
    """A dictionary of which nothing but its length is known."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def __len__(self) -> int:
        return self.length


def build_weightless(
    args: argparse.Namespace,
    vocabulary: int,
    target_vocabulary: int | None = None,
    model: type[SharedModel] = SharedTransformerModel,
) -> SharedModel:
    """The ``model`` that ``args`` describe on the meta device, with dictionaries of these sizes.

    Source and target have one dictionary unless the target's size is given, too.
    """
    source = _Words(vocabulary)
    target = source if target_vocabulary is None else _Words(target_vocabulary)
    task = SimpleNamespace(source_dictionary=source, target_dictionary=target)
    with torch.device("meta"):
        return model.build_model(args, task)


def softmax_width(args: argparse.Namespace, vocabulary: int) -> int:
    """The words of a plain softmax that costs as much a token as the one that ``args`` describe.

    Adaptive softmax (Grave et al. 2017, arXiv 1609.04309) has a first band of words and a class for
    each further one, which projects to fewer dimensions; how many tokens need a further band, the
    text decides, and here all do: an upper bound.
    """
    cutoffs = eval_str_list(getattr(args, "adaptive_softmax_cutoff", None), int)
    if not cutoffs:
        return vocabulary
    d, ends = args.decoder_output_dim, [*cutoffs, vocabulary]
    operations = d * (ends[0] + len(cutoffs))
    for band, (begin, end) in enumerate(pairwise(ends), 1):
        narrow = int(d // args.adaptive_softmax_factor**band)
        operations += narrow * (d + end - begin)
    return -(-operations // args.decoder_embed_dim)


def multiply_adds(sizes: Sizes, encoder_map: LayerMap, decoder_map: LayerMap, length: int) -> int:
    """Multiply-adds of one forward pass per target token, source and target ``length`` tokens long.

    Counts what is linear in a token and the attention products, for a source token as well, since
    there is one for each target token: an encoder layer has four projections of d x d, a decoder
    layer six and each unique one two more, of the encoder output to keys and values; each layer a
    feed-forward of 2 x d x ffn and 2 x length x d for each attention; the output projection has
    d x vocabulary (Vaswani et al. 2017, sections 3.2 and 3.3). A backward pass costs twice as
    many, so that ratios hold for training. A language model's layers are those of an encoder here,
    which have no cross-attention either, and its decoder map is empty.
    """
    d = sizes.embed
    feed_forward, attention = 2 * d * sizes.ffn, 2 * length * d
    encoder = 4 * d * d + feed_forward + attention
    decoder = 6 * d * d + feed_forward + 2 * attention
    return (
        len(encoder_map) * encoder
        + len(decoder_map) * decoder
        + num_unique_layers(decoder_map) * 2 * d * d
        + d * sizes.vocabulary
    )


def multiply_adds_over(
    sizes: Sizes,
    maps: tuple[LayerMap, LayerMap],
    length: int,
    schedule: Schedule,
    max_update: int,
) -> float:
    """The mean of ``multiply_adds`` over the updates of a training whose depth follows a schedule.

    ``maps`` are those of the encoder and the decoder.
    """
    total = 0
    for first, end in schedule.phases(max_update):
        running = [running_map(layers, schedule.depth(layers, first)) for layers in maps]
        total += (end - first) * multiply_adds(sizes, running[0], running[1], length)
    return total / max_update
