"""One update after another by fairseq's own trainer, as its fairseq-train command builds it."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from fairseq import utils
from harness import MIB
from random_checkpoint import LANGUAGES
from systems import System, random_batch

import fairseq_sharing
from fairseq_sharing.model.cost import Sizes, multiply_adds
from fairseq_sharing.model.strategies import FIXED_UNIQUE
from fairseq_sharing.training.speed import Contender

LENGTH = 28
"""Words a sentence."""


@dataclass(frozen=True)
class Recipe:
    """What trains a system beside its own options."""

    data: Path
    sizes: Sizes
    device: str


@dataclass(frozen=True)
class Candidate:
    """A system with Admin or without; a ``wide`` one has twice the widths of the others."""

    system: System
    admin: bool = False
    wide: bool = False

    def sizes(self, recipe: Recipe) -> Sizes:
        base = recipe.sizes
        if not self.wide:
            return base
        return Sizes(2 * base.embed, 2 * base.ffn, 2 * base.heads, base.vocabulary)

    def arguments(self, recipe: Recipe) -> list[str]:
        """Those of fairseq-train."""
        system, sizes = self.system, self.sizes(recipe)
        options: dict[str, object] = {
            "user-dir": Path(fairseq_sharing.__file__).parent,
            "source-lang": LANGUAGES[0],
            "target-lang": LANGUAGES[1],
            "arch": "shared_transformer",
            "sharing-strategy": system.strategy,
            "residual-scaling": "admin" if self.admin else "none",
            "criterion": "label_smoothed_cross_entropy",
            "label-smoothing": 0.1,
            "optimizer": system.optimizer,
            "adam-betas": "(0.9, 0.98)",
            "weight-decay": 0.0,
            "lr": 1e-4,
            "dropout": 0.1,
            "max-tokens": 100_000,
        }
        for side in ("encoder", "decoder"):
            options[f"{side}-layers"] = system.layers
            options[f"{side}-embed-dim"] = sizes.embed
            options[f"{side}-ffn-embed-dim"] = sizes.ffn
            options[f"{side}-attention-heads"] = sizes.heads
            if system.strategy not in ("none", *FIXED_UNIQUE):
                options[f"{side}-unique-layers"] = system.unique
        flags = {
            "--share-all-embeddings": True,
            "--no-cross-attention-reuse": not system.reuse,
            "--bf16": recipe.device != "cpu",
            "--cpu": recipe.device == "cpu",
        }
        pairs = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [str(recipe.data), *pairs, *(flag for flag, given in flags.items() if given)]


class Trained:
    """A candidate in training; ``take_turn`` is timed, and waits for the card at its ends alone."""

    def __init__(self, candidate: Candidate, recipe: Recipe) -> None:
        before = allocated()
        self.candidate = candidate
        torch.manual_seed(1)
        self.trainer = Contender(candidate.arguments(recipe), phases=[0]).trainer
        self.trainer.cuda_env = None  # with which the trainer resets the peak at every update
        self.trainer.begin_epoch(1)
        self.sizes = candidate.sizes(recipe)
        self.sample = self._batch(LENGTH)
        self._update()
        self.own_memory = allocated() - before

    def take_batch(self, tokens: int) -> None:
        """Train on a random batch of ``tokens`` from now on."""
        self.sample = self._batch(tokens)

    def _batch(self, tokens: int) -> dict:
        sample = random_batch(self.sizes, max(tokens // LENGTH, 1), LENGTH)
        return utils.apply_to_sample(lambda tensor: tensor.to(self.trainer.device), sample)

    def _update(self) -> None:
        self.trainer.train_step([self.sample])

    def take_turn(self, updates: int) -> float:
        """Seconds an update."""
        wait()
        begin = time.perf_counter()
        for _ in range(updates):
            self._update()
        wait()
        return (time.perf_counter() - begin) / updates

    def peak_mib(self) -> int | str:
        """Peak memory of one update: with what this training alone keeps between updates."""
        if self.trainer.device.type == "cpu":
            return ""
        wait()
        torch.cuda.reset_peak_memory_stats()
        before = allocated()
        self._update()
        return round((self.own_memory + torch.cuda.max_memory_allocated() - before) / MIB)

    def flops(self) -> int:
        """Floating-point operations of an update: two a multiply-add, backward twice forward."""
        maps = self.candidate.system.maps
        return 6 * multiply_adds(self.sizes, maps, LENGTH) * self.sample["ntokens"]


def wait() -> None:
    """Until the card has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def allocated() -> int:
    """Bytes that tensors take on the card."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
