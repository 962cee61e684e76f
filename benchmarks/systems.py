"""The models that the benchmarks compare, batches of random words, and one step of training.

Everything but the models is fairseq's: its label-smoothed loss, its Adam, its clipping.
"""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.data import Dictionary
from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY
from fairseq.optim import build_optimizer
from omegaconf import OmegaConf
from torch import nn

import fairseq_sharing  # noqa: F401  (registers the models)
from fairseq_sharing.model.config import SIDES
from fairseq_sharing.model.cost import Sizes
from fairseq_sharing.model.strategies import FIXED_UNIQUE, layer_map
from fairseq_sharing.model.sublayers import SUBLAYERS, SideMap, sublayers_of

SIZES = {
    "small": Sizes(256, 1024, 4, 8000),
    "base": Sizes(512, 2048, 8, 32768),
    "big": Sizes(1024, 4096, 16, 32768),
}


@dataclass(frozen=True)
class System:
    """A model of ``layers`` a side, and what trains it; ``none`` is fairseq's transformer."""

    name: str
    strategy: str
    layers: int
    unique: int | None = None
    reuse: bool = True
    optimizer: str = "adam"

    @property
    def maps(self) -> dict[str, SideMap]:
        """Those of encoder and decoder, by which work is counted."""
        layers = layer_map(self.strategy, self.layers, self.unique)
        if not self.reuse:
            layers = tuple(range(self.layers))
        return {side: SideMap.of(layers, sublayers_of(side, SIDES), SUBLAYERS) for side in SIDES}

    def build(self, sizes: Sizes, dropout: float = 0.1) -> nn.Module:
        """The model with random weights, in training mode."""
        plain = self.strategy == "none"
        args = Namespace(
            arch="transformer" if plain else "shared_transformer",
            encoder_embed_dim=sizes.embed,
            encoder_ffn_embed_dim=sizes.ffn,
            encoder_attention_heads=sizes.heads,
            decoder_attention_heads=sizes.heads,
            encoder_layers=self.layers,
            decoder_layers=self.layers,
            share_all_embeddings=True,
            dropout=dropout,
            max_source_positions=1024,
            max_target_positions=1024,
        )
        if not plain:
            args.sharing_strategy = self.strategy
            args.no_cross_attention_reuse = not self.reuse
            if self.strategy not in FIXED_UNIQUE:
                args.encoder_unique_layers = args.decoder_unique_layers = self.unique
        ARCH_CONFIG_REGISTRY[args.arch](args)
        torch.manual_seed(1)
        return ARCH_MODEL_REGISTRY[args.arch].build_model(args, toy_task(sizes.vocabulary))

    def training(self, sizes: Sizes, sentences: int, length: int) -> "Training":
        """The model, ready to be trained on one random batch."""
        sample = random_batch(sizes, sentences, length)
        return Training(self.build(sizes), sample, sizes.vocabulary, self.optimizer)


def toy_task(vocabulary: int) -> SimpleNamespace:
    """What models and criteria ask of a task: dictionaries of ``vocabulary`` entries."""
    words = Dictionary()
    for number in range(len(words), vocabulary):
        words.add_symbol(str(number))
    return SimpleNamespace(
        source_dictionary=words, target_dictionary=words, src_dict=words, tgt_dict=words
    )


def random_batch(sizes: Sizes, sentences: int, length: int, seed: int = 1) -> dict:
    """A batch as fairseq's translation task makes it; no sentence is padded."""
    draw = torch.Generator().manual_seed(seed)
    source, target = (
        torch.randint(4, sizes.vocabulary, (sentences, length), generator=draw) for _ in range(2)
    )
    return {
        "net_input": {
            "src_tokens": source,
            "src_lengths": torch.full((sentences,), length),
            "prev_output_tokens": target.roll(1, dims=1),
        },
        "target": target,
        "ntokens": target.numel(),
    }


class Training:
    """One update after another of ``model`` on the same batch, by an optimizer of fairseq's."""

    def __init__(self, model: nn.Module, sample: dict, vocabulary: int, optimizer: str) -> None:
        self.model = model.train()
        self.sample = sample
        self.criterion = LabelSmoothedCrossEntropyCriterion(toy_task(vocabulary), False, 0.1)
        options = OmegaConf.create(
            {
                "common": {"tpu": False},
                "optimization": {"lr": [1e-4]},
                "optimizer": {"_name": optimizer, "adam_betas": "(0.9, 0.98)"},
            }
        )
        self.optimizer = build_optimizer(options.optimizer, list(model.parameters()))

    def phases(self) -> Iterator[str]:
        """Run one update; yields the name of each phase after it."""
        loss, size, _ = self.criterion(self.model, self.sample)
        yield "forward"
        self.optimizer.backward(loss)
        yield "backward"
        self.optimizer.multiply_grads(1 / size)
        self.optimizer.clip_grad_norm(1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        yield "optimizer"
