"""Subwords by SentencePiece: one unigram model of both languages."""

import io
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from ..errors import SharingError
from .parallel_text import sampled_lines, stream_lines
from .streams import batches, writing

MODEL = Path("spm", "joint.model")
SAMPLE = 1_000_000
"""Lines, of both languages together, that a model is trained on at most."""


def require_tools() -> None:
    """SentencePiece is always installed."""


def learn(texts: Sequence[Path], vocabulary: int, model: Path) -> None:
    """Train a model of so many pieces on the texts, or on lines spread evenly over them."""
    trained = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sampled_lines(texts, SAMPLE),
            model_writer=trained,
            vocab_size=vocabulary,
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].partition("] ")[2] or str(error)
        raise SharingError(
            f"[data] vocabulary = {vocabulary}: SentencePiece says: {reason}"
        ) from None
    with writing(model, mode="wb") as (file,):
        file.write(trained.getvalue())


def encode(text: Path, language: str, model: Path, output: Path) -> int:
    """Write the text's lines as pieces with spaces between them; returns how many there are."""
    total = 0
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    with writing(output) as (file,):
        for lines in batches(stream_lines(text)):
            for pieces in processor.encode(lines, out_type=str):
                file.write(" ".join(pieces) + "\n")
                total += len(pieces)
    return total
