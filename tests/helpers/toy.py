"""What the toy models of both kinds have in common: sentences of few words, and their subwords."""

import itertools
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sentencepiece

WORDS = ["red", "blue", "green", "cat", "dog", "house", "tree", "sees", "likes", "takes", "the"]
SIZES = {"train": 400, "valid": 20, "test": 40}

# Stands in for an environment in which the plugin is not installed.
WITHOUT_PLUGIN = (
    "import sys; sys.modules['fairseq_sharing'] = None; import fairseq_cli.{0} as command; "
)


@dataclass(frozen=True)
class Toy:
    """Where a toy model lives."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data-bin"

    @property
    def spm(self) -> Path:
        return self.folder / "spm.model"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def last(self) -> Path:
        return self.checkpoints / "checkpoint_last.pt"

    @cached_property
    def processor(self) -> sentencepiece.SentencePieceProcessor:
        """Its subword model, once that is trained."""
        return sentencepiece.SentencePieceProcessor(model_file=str(self.spm))

    def pieces(self, line: str) -> list[str]:
        """``line`` in subwords."""
        return self.processor.encode(line, out_type=str)

    def write(self, texts: dict[str, list[str]], vocabulary: int) -> list[object]:
        """Write the texts, named by part and perhaps language, and the same in subwords.

        The subwords are those of the training text. Returns fairseq-preprocess's options for them.
        """
        for name, lines in texts.items():
            (self.folder / name).write_text("\n".join(lines) + "\n", "utf-8")
        trained_on = [lines for name, lines in texts.items() if name.startswith("train")]
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=itertools.chain(*trained_on),
            model_prefix=str(self.spm.with_suffix("")),
            vocab_size=vocabulary,
            minloglevel=2,
        )
        for name, lines in texts.items():
            pieces = "\n".join(" ".join(self.pieces(line)) for line in lines)
            (self.folder / f"pieces.{name}").write_text(pieces + "\n", "utf-8")
        prefixes = [(f"--{part}pref", self.folder / f"pieces.{part}") for part in SIZES]
        return [*(word for pair in prefixes for word in pair), "--destdir", self.data]


def sentences() -> dict[str, list[str]]:
    """Those of each part; the same ones each time."""
    draw = random.Random(1)
    return {
        part: [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) for _ in range(size)]
        for part, size in SIZES.items()
    }
