"""A small translation model as its user has it: data, SentencePiece, checkpoints, commands."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from support import PLUGIN, run
from toy import WITHOUT_PLUGIN, Toy, sentences
from training import UNTHREADED

SHARED = (
    *("--sharing-strategy", "cycle_rev", "--encoder-layers", 4, "--decoder-layers", 4),
    *("--encoder-unique-layers", 2, "--decoder-unique-layers", 2),
)
PRE_NORM = ("--encoder-normalize-before", "--decoder-normalize-before")


@dataclass(frozen=True)
class Trained(Toy):
    """A toy model whose checkpoints are those of updates 47, 94, 141 and 150."""

    def text(self, side: str) -> list[str]:
        """The raw test set, language ``en`` or ``de``."""
        return (self.folder / f"test.{side}").read_text("utf-8").splitlines()


@functools.cache
def train_once(folder: Path) -> Trained:
    """Train in a folder that is made for it; a second call returns what is there."""
    folder.mkdir()
    trained = Trained(folder)
    _prepare(trained)
    train(trained, trained.checkpoints, *SHARED, *PRE_NORM, "--save-interval-updates", 47)
    return trained


def _prepare(trained: Trained) -> None:
    """A language pair in which every word is written backwards."""
    texts = {}
    for part, source in sentences().items():
        target = [" ".join(word[::-1] for word in line.split()) for line in source]
        texts |= {f"{part}.en": source, f"{part}.de": target}
    options = trained.write(texts, 38)
    run("fairseq-preprocess", "--joined-dictionary", "-s", "en", "-t", "de", *options)


def train(trained: Trained, save: Path, *options: object, updates: int = 150) -> str:
    """fairseq-train on the toy pair; returns what it printed."""
    return run(
        *("fairseq-train", trained.data, "--user-dir", PLUGIN, "--arch", "shared_transformer_tiny"),
        *("--share-all-embeddings", "--dropout", 0, "--cpu", "--no-progress-bar", "--seed", 1),
        *("--optimizer", "adam", "--lr", 0.01, "--lr-scheduler", "inverse_sqrt"),
        *("--warmup-updates", 50, "--max-tokens", 600, "--max-update", updates),
        *("--no-epoch-checkpoints", "--save-dir", save, "--log-interval", 10, *UNTHREADED),
        *options,
    ).stdout


@functools.cache
def decode(
    trained: Trained, checkpoint: Path, *options: object, plugin: bool = True
) -> tuple[str, ...]:
    """fairseq-generate's scores and hypotheses in order; ``plugin``: whether it can be imported."""
    if plugin:
        command = ("fairseq-generate", trained.data, "--user-dir", PLUGIN)
    else:
        stock = WITHOUT_PLUGIN.format("generate") + "command.cli_main()"
        command = ("python", "-c", stock, trained.data)
    settings = ("--beam", 4, "--required-batch-size-multiple", 1, "--cpu", "--path", checkpoint)
    printed = run(*command, *settings, *options).stdout
    lines = re.findall(r"^D-(\d+)\t(.*)$", printed, re.MULTILINE)
    return tuple(line for _, line in sorted(lines, key=lambda pair: int(pair[0])))
