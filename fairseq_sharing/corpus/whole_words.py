"""Text in whole words, as WikiText is: those between spaces, the rarest as one unknown word."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from ..experiment.experiment import Data
from ..progress import counted
from .parallel_text import stream_lines
from .streams import writing

MODEL = Path("words", "vocabulary.txt")
UNKNOWN = "<unk>"
"""fairseq's own symbol, which its dictionary has anyway."""


def require_tools() -> None:
    """Nothing is needed."""


def learn(texts: Sequence[Path], data: Data, model: Path) -> None:
    """Write the commonest words of the texts, as many as data asks for, a line each.

    The counts of all words are in memory: it grows with the number of different ones.
    """
    lines = chain.from_iterable(
        counted(stream_lines(text), f"lines of {text.name}") for text in texts
    )
    words = Counter(word for line in lines for word in line.split())
    words.pop(UNKNOWN, None)
    commonest = sorted(words, key=lambda word: (-words[word], word))[: data.vocabulary]
    with writing(model) as (file,):
        file.writelines(f"{word}\n" for word in commonest)


def encode(text: Path, language: str, model: Path, output: Path) -> int:
    """Write the text's lines with unknown words replaced; returns how many words there are."""
    known = set(stream_lines(model))
    total = 0
    with writing(output) as (file,):
        for line in counted(stream_lines(text), f"lines of {text.name}"):
            words = [word if word in known else UNKNOWN for word in line.split()]
            file.write(" ".join(words) + "\n")
            total += len(words)
    return total
