"""What a shared model costs: parameters by building it without weights, arithmetic by formula."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import torch
from fairseq.data import Dictionary
from fairseq.utils import eval_str_list

from .growth import Schedule, running_map
from .own import NOTHING, Own, shared_positions
from .shared_model import SharedModel
from .strategies import num_unique_layers
from .sublayers import SideMap
from .transformer import SharedTransformerModel


@dataclass(frozen=True)
class Sizes:
    """Widths of a Transformer; ``heads`` only has to divide ``embed``.

    ``decoder_ffn`` is that of the decoder if it is not ``ffn``, as in the encoder.
    """

    embed: int = 512
    ffn: int = 2048
    heads: int = 8
    vocabulary: int = 32768
    decoder_ffn: int | None = None


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


def sizes_of(args: argparse.Namespace, vocabulary: int) -> Sizes:
    """Those of the model that ``args`` describe; a language model has a decoder alone."""
    ffn = args.decoder_ffn_embed_dim
    return Sizes(
        args.decoder_embed_dim,
        getattr(args, "encoder_ffn_embed_dim", ffn),
        args.decoder_attention_heads,
        softmax_width(args, vocabulary),
        decoder_ffn=ffn,
    )


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


def multiply_adds(
    sizes: Sizes, maps: Mapping[str, SideMap], length: int, own: Own = NOTHING
) -> int:
    """Multiply-adds of one forward pass per target token, source and target ``length`` tokens long.

    ``maps`` are those of the sides. Counts what is linear in a token and the attention products,
    for a source token as well, since there is one for each target token. A self-attention has four
    projections of d x d, a cross-attention two, and each set of its parameters two more, of the
    encoder output to keys and values; each attention has products of 2 x length x d, a
    feed-forward 2 x d x ffn, the output projection d x vocabulary (Vaswani et al. 2017, sections
    3.2 and 3.3). A low-rank delta of ``own`` has rank x (in + out). A backward pass costs twice as
    many, so that ratios hold for training.
    """
    d = sizes.embed
    attention = 2 * length * d
    costs = {
        "self_attention": 4 * d * d + attention,
        "cross_attention": 2 * d * d + attention,
    }
    total = d * sizes.vocabulary
    for side, side_map in maps.items():
        width = sizes.decoder_ffn if side == "decoder" and sizes.decoder_ffn else sizes.ffn
        costs |= {"ffn": 2 * d * width, "encoder_ffn": 2 * d * sizes.ffn}
        total += sum(len(side_map) * costs[name] for name in side_map.sublayers)
        across = side_map.sublayers.get("cross_attention", ())
        total += (len(across) if own.projects else num_unique_layers(across)) * 2 * d * d
        for name, layers in side_map.sublayers.items():
            ends = 8 * d if "attention" in name else 2 * (d + width)
            total += len(shared_positions(name, layers)) * own.rank * ends
    return total


def multiply_adds_over(
    sizes: Sizes,
    maps: Mapping[str, SideMap],
    length: int,
    schedule: Schedule,
    max_update: int,
    own: Own = NOTHING,
) -> float:
    """The mean of ``multiply_adds`` over a training whose depth follows a schedule."""
    total = 0
    for first, end in schedule.phases(max_update):
        running = {
            side: running_map(one, schedule.depth(one.layers, first)) for side, one in maps.items()
        }
        total += (end - first) * multiply_adds(sizes, running, length, own)
    return total / max_update
