"""A small language model as its user has it: text in subwords, a checkpoint, fairseq's commands."""

import functools
import re
from pathlib import Path

from support import PLUGIN, run
from toy import WITHOUT_PLUGIN, Toy, sentences
from training import UNTHREADED

TASK = ("--task", "language_modeling", "--tokens-per-sample", 48)
TINY = ("--arch", "shared_transformer_lm_tiny", "--decoder-layers", 4, "--dropout", 0)
SHARED = ("--sharing-strategy", "cycle_rev", "--decoder-unique-layers", 2)


@functools.cache
def train_once(folder: Path) -> Toy:
    """Train in a folder that is made for it; a second call returns what is there."""
    folder.mkdir()
    model = Toy(folder)
    run("fairseq-preprocess", "--only-source", *model.write(sentences(), 30))
    train(model, model.checkpoints, *TINY, *SHARED)
    return model


def train(model: Toy, save: Path, *options: object, updates: int = 60) -> str:
    """fairseq-train on the toy text; returns what it printed."""
    return run(
        *("fairseq-train", model.data, "--user-dir", PLUGIN, *TASK, "--cpu", "--no-progress-bar"),
        *("--optimizer", "adam", "--lr", 0.01, "--batch-size", 8, "--max-update", updates),
        *("--required-batch-size-multiple", 1),
        *("--no-epoch-checkpoints", "--save-dir", save, "--log-interval", 10, *UNTHREADED),
        *options,
    ).stdout


def perplexity(
    model: Toy, checkpoint: Path, *options: object, plugin: bool = True
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
