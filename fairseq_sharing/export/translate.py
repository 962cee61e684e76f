"""Raw text in, raw text out, with an exported model: SentencePiece around CTranslate2."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import sentencepiece

from ..errors import SharingError

SENTENCEPIECE = "sentencepiece.model"
MAX_LENGTH = 200
"""Longest translation in pieces, which is also fairseq-generate's default (--max-len-b)."""


class Translator:
    """An exported model, ready to translate.

    >>> translator = Translator(Path("export"))  # doctest: +SKIP
    >>> list(translator.translate(["The file is open."]))  # doctest: +SKIP
    ['Die Datei ist geöffnet.']
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Load ``folder``, as ``export_ct2`` made it; SharingError if it is no such folder.

        Each of the ``threads`` translates batches of its own with the same weights: in int8,
        several of them at one batch are slower than a single one.
        """
        require_ctranslate2()
        import ctranslate2

        if not (folder / "model.bin").is_file():
            raise SharingError(
                f"{folder} is no exported model; make one with fairseq-sharing export ct2"
            )
        self._pieces = load_sentencepiece(folder / SENTENCEPIECE)
        try:
            self._model = ctranslate2.Translator(
                str(folder), inter_threads=threads, intra_threads=1
            )
        except RuntimeError as error:
            raise SharingError(f"cannot load {folder}: {error}") from error

    def translate(
        self,
        lines: Iterable[str],
        *,
        beam: int = 4,
        length_penalty: float = 1.0,
        batch_size: int = 32,
    ) -> Iterator[str]:
        """The best translation of each line, in order; a blank line stays blank.

        Reads ``lines`` as it goes; ``batch_size`` sentences are translated together. Scores are
        divided by length ** ``length_penalty``, as fairseq's ``--lenpen`` does.
        """
        results = self._model.translate_iterable(
            map(self._encode, lines),
            max_batch_size=batch_size,
            beam_size=beam,
            length_penalty=length_penalty,
            max_decoding_length=MAX_LENGTH,
        )
        for result in results:
            yield self._pieces.decode(result.hypotheses[0]).strip()

    def _encode(self, line: str) -> list[str]:
        return self._pieces.encode(line, out_type=str)


def load_sentencepiece(path: Path) -> sentencepiece.SentencePieceProcessor:
    """A SentencePiece model; SharingError if ``path`` is none."""
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError):
        raise SharingError(f"{path} is no SentencePiece model (.model file)") from None


def require_ctranslate2() -> None:
    """Raise SharingError with how to install it if CTranslate2 is missing."""
    if find_spec("ctranslate2") is None:
        raise SharingError(
            "CTranslate2 is not installed: pip install 'fairseq_sharing[export]', "
            "or pip install ctranslate2"
        )
