"""A small language model as its user has it: text in subwords, a checkpoint, fairseq's commands."""

import functools
import random
import re
from dataclasses import dataclass
from pathlib import Path

import sentencepiece
from shipping import WITHOUT_PLUGIN, WORDS
from support import PLUGIN, run
from training import UNTHREADED

TASK = ("--task", "language_modeling", "--tokens-per-sample", 48)
TINY = ("--arch", "shared_transformer_lm_tiny", "--decoder-layers", 4, "--dropout", 0)
SHARED = ("--sharing-strategy", "cycle_rev", "--decoder-unique-layers", 2)


@dataclass(frozen=True)
class TextModel:
    """Where a toy language model lives."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data-bin"

    @property
    def spm(self) -> Path:
        return self.folder / "spm.model"

    @property
    def last(self) -> Path:
        return self.folder / "checkpoints" / "checkpoint_last.pt"

    def pieces(self, line: str) -> list[str]:
        """``line`` in subwords."""
        return sentencepiece.SentencePieceProcessor(model_file=str(self.spm)).encode(
            line, out_type=str
        )


@functools.cache
def train_once(folder: Path) -> TextModel:
    """Train in a folder that is made for it; a second call returns what is there."""
    folder.mkdir()
    model = TextModel(folder)
    draw = random.Random(1)
    for part, size in (("train", 400), ("valid", 20), ("test", 40)):
        lines = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) for _ in range(size)]
        (folder / part).write_text("\n".join(lines) + "\n", "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "train"), model_prefix=str(folder / "spm"), vocab_size=30, minloglevel=2
    )
    splits = []
    for part in ("train", "valid", "test"):
        lines = (folder / part).read_text("utf-8").splitlines()
        pieces = "\n".join(" ".join(model.pieces(line)) for line in lines)
        (folder / f"pieces.{part}").write_text(pieces + "\n", "utf-8")
        splits += [f"--{part}pref", folder / f"pieces.{part}"]
    run("fairseq-preprocess", "--only-source", *splits, "--destdir", model.data)
    train(model, model.last.parent, *TINY, *SHARED)
    return model


def train(model: TextModel, save: Path, *options: object, updates: int = 60) -> str:
    """fairseq-train on the toy text; returns what it printed."""
    return run(
        *("fairseq-train", model.data, "--user-dir", PLUGIN, *TASK, "--cpu", "--no-progress-bar"),
        *("--optimizer", "adam", "--lr", 0.01, "--batch-size", 8, "--max-update", updates),
        *("--required-batch-size-multiple", 1),
        *("--no-epoch-checkpoints", "--save-dir", save, "--log-interval", 10, *UNTHREADED),
        *options,
    ).stdout


def perplexity(
    model: TextModel, checkpoint: Path, *options: object, plugin: bool = True
) -> tuple[str, str]:
    """Loss in bits and perplexity of the test set by fairseq-eval-lm, as it prints them.

    ``plugin``: whether the plugin can be imported.
    """
    command: tuple = ("fairseq-eval-lm", model.data, "--user-dir", PLUGIN)
    if not plugin:
        command = ("python", "-c", WITHOUT_PLUGIN.format("eval_lm") + "command.cli_main()")
        command = (*command, model.data)
    printed = run(
        *(*command, "--path", checkpoint, *TASK, "--context-window", 8, "--batch-size", 4),
        *("--required-batch-size-multiple", 1, "--cpu", "--num-workers", 0, *options),
    ).stdout
    (found,) = re.findall(r"Loss \(base 2\): ([\d.]+), Perplexity: ([\d.]+)", printed)
    return found
