"""Subwords by SentencePiece: one unigram model of both languages."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from ..errors import SharingError
from ..experiment.experiment import Data
from ..experiment.languages import UNSPACED, code_of
from ..progress import counted
from .parallel_text import sampled_lines, stream_lines
from .streams import batches, writing

MODEL = Path("spm", "joint.model")
NORMALIZATION = "nmt_nfkc"
"""SentencePiece's own, which makes one form of letters that look alike."""

SAMPLE = 1_000_000
"""Lines, of both languages together, that a model is trained on at most."""


def require_tools() -> None:
    """SentencePiece is always installed."""


def normalization_for(target: str) -> str:
    """SentencePiece's rule for text that is translated into a language.

    Where words have no spaces between them, the usual one would change what is written: commas of
    Chinese and Japanese become ASCII's, a vowel of Thai falls into two characters. A model could
    never give them back, and every score would count them as wrong.
    """
    return "identity" if code_of(target) in UNSPACED else NORMALIZATION


def learn(texts: Sequence[Path], data: Data, model: Path) -> None:
    """Train a model of data's pieces on the texts, or on lines spread evenly over them.

    The last of the texts is in the target language. Raises SharingError for a number of pieces
    that does not fit the text.
    """
    trained = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sampled_lines(texts, SAMPLE),
            model_writer=trained,
            vocab_size=data.vocabulary,
            character_coverage=data.character_coverage or 1.0,
            normalization_rule_name=normalization_for(texts[-1].suffix[1:]),
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].partition("] ")[2] or str(error)
        if characters := re.search(r"smaller than required_chars. \d+ vs (\d+)", reason):
            reason = (
                f"the text has more characters: give more than {characters[1]}, or "
                "[data] character_coverage = 0.9995, which leaves out the rarest"
            )
        raise SharingError(
            f"[data] vocabulary = {data.vocabulary}: SentencePiece says: {reason}"
        ) from None
    with writing(model, mode="wb") as (file,):
        file.write(trained.getvalue())


def encode(text: Path, language: str, model: Path, output: Path) -> int:
    """Write the text's lines as pieces with spaces between them; returns how many there are."""
    total = 0
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    with writing(output) as (file,):
        for lines in batches(map(_in_a_line, counted(stream_lines(text), f"lines of {text.name}"))):
            for pieces in processor.encode(lines, out_type=str):
                file.write(" ".join(pieces) + "\n")
                total += len(pieces)
    return total


def _in_a_line(text: str) -> str:
    """With single spaces, also for what Python or fairseq would take for the end of a line."""
    return " ".join(text.split())
