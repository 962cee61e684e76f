"""Subwords as before SentencePiece: Moses tokens, segmented by byte-pair encoding."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

from ..errors import SharingError
from ..experiment.experiment import Data
from ..progress import counted
from .parallel_text import stream_lines
from .streams import in_processes, writing

MODEL = Path("bpe", "codes")


def require_tools() -> None:
    """Raise SharingError unless sacremoses and subword-nmt are installed."""
    try:
        import sacremoses  # noqa: F401
        import subword_nmt  # noqa: F401
    except ImportError as error:
        raise SharingError(
            f"[data] segmentation = 'bpe' needs sacremoses and subword-nmt ({error}): "
            "pip install sacremoses subword-nmt"
        ) from None


def learn(texts: Sequence[Path], data: Data, model: Path) -> None:
    """Learn the merges that make a joint vocabulary of about as many subwords as data asks for.

    The counts of all words are in memory: it grows with the number of different ones.
    """
    from subword_nmt.learn_bpe import learn_bpe

    words: Counter[str] = Counter()
    for text in texts:
        for counts in in_processes(
            partial(_counter, text.suffix[1:]), counted(stream_lines(text), f"lines of {text.name}")
        ):
            words.update(counts)
    codes = io.StringIO()
    with redirect_stderr(io.StringIO()):
        dictionary = [f"{word} {count}" for word, count in sorted(words.items())]
        learn_bpe(dictionary, codes, data.vocabulary, is_dict=True, total_symbols=True)
    if codes.getvalue().count("\n") < 2:
        raise SharingError(
            f"[data] vocabulary = {data.vocabulary} leaves no room for merges beside the single "
            "characters of the training text: choose a larger one"
        )
    with writing(model) as (file,):
        file.write(codes.getvalue())


def encode(text: Path, language: str, model: Path, output: Path) -> int:
    """Write the text's lines as subwords, joined by @@ within a word; returns their number."""
    total = 0
    with writing(output) as (file,):
        for lines in in_processes(
            partial(_cutter, language, model), counted(stream_lines(text), f"lines of {text.name}")
        ):
            file.writelines(lines)
            total += sum(len(line.split()) for line in lines)
    return total


def _lines(text: Path) -> Iterator[str]:
    return counted(stream_lines(text), f"lines of {text.name}")


def _counter(language: str) -> Callable[[list[str]], Counter[str]]:
    tokenise = _tokeniser(language)
    return lambda lines: Counter(word for line in lines for word in tokenise(line).split())


def _cutter(language: str, model: Path) -> Callable[[list[str]], list[str]]:
    from subword_nmt.apply_bpe import BPE

    tokenise = _tokeniser(language)
    with model.open(encoding="utf-8") as codes:
        cut = BPE(codes).segment
    return lambda lines: [cut(tokenise(line)) + "\n" for line in lines]


def _tokeniser(language: str) -> Callable[[str], str]:
    """Moses' normaliser of punctuation and its tokeniser, as fairseq's --tokenizer moses cuts."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalise = MosesPunctNormalizer(language, post_remove_control_chars=True).normalize
    tokenise = MosesTokenizer(language).tokenize
    return lambda line: tokenise(
        normalise(line), aggressive_dash_splits=True, return_str=True, escape=True
    )
