"""Raw text in, raw text out, with an exported model: SentencePiece around CTranslate2."""

import itertools
import logging
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import sentencepiece

from ..errors import SharingError
from .positions import read_positions

LOGGER = logging.getLogger(__name__)
SENTENCEPIECE = "sentencepiece.model"
MAX_LENGTH = 200
"""Longest translation in pieces, which is also fairseq-generate's default (--max-len-b)."""

DEVICES = ("cpu", "cuda")
COMPUTE_TYPES = (
    *("default", "auto", "float32", "float16", "bfloat16", "int16"),
    *("int8", "int8_float32", "int8_float16", "int8_bfloat16"),
)
"""CTranslate2's: as exported, the fastest on the device, and those that a device may have."""


class Translator:
    """An exported model, ready to translate.

    >>> translator = Translator(Path("export"))  # doctest: +SKIP
    >>> list(translator.translate(["The file is open."]))  # doctest: +SKIP
    ['Die Datei ist geöffnet.']
    """

    def __init__(
        self, folder: Path, threads: int = 1, *, device: str = "cpu", compute_type: str = "default"
    ) -> None:
        """Load ``folder``, as ``export_ct2`` made it; SharingError if it is no such folder.

        Each of the ``threads`` translates batches of its own with the same weights: in int8,
        several of them at one batch are slower than a single one. SharingError also where there is
        no such ``device``, or it has no such ``compute_type``.
        """
        require_ctranslate2()
        import ctranslate2

        if not (folder / "model.bin").is_file():
            raise SharingError(
                f"{folder} is no exported model; make one with fairseq-sharing export ct2"
            )
        _check_device(device, compute_type)
        self._positions = read_positions(folder)
        self._pieces = load_sentencepiece(folder / SENTENCEPIECE)
        try:
            self._model = ctranslate2.Translator(
                str(folder),
                device=device,
                compute_type=compute_type,
                inter_threads=threads,
                intra_threads=1,
            )
        except (RuntimeError, ValueError) as error:
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
        divided by length ** ``length_penalty``, as fairseq's ``--lenpen`` does. A warning is
        logged, with the line's number, where a line or its translation is too long and is cut.
        """
        longest = min(MAX_LENGTH, self._positions.target - 1)
        results = self._model.translate_iterable(
            itertools.starmap(self._encode, enumerate(lines, 1)),
            max_batch_size=batch_size,
            beam_size=beam,
            length_penalty=length_penalty,
            max_decoding_length=longest,
            max_input_length=0,
        )
        for number, result in enumerate(results, 1):
            pieces = result.hypotheses[0]
            if len(pieces) >= longest:
                LOGGER.warning("line %d: its translation is cut at %d subwords", number, longest)
            text = self._pieces.decode(pieces)
            yield text.replace("\r", " ").replace("\n", " ").strip()

    def _encode(self, number: int, line: str) -> list[str]:
        """The pieces of a line, as many as the model takes beside the end of the sentence."""
        pieces = self._pieces.encode(line, out_type=str)
        most = self._positions.source - 1
        if len(pieces) > most:
            LOGGER.warning(
                "line %d has %d subwords and is cut at %d, the most that the model takes: "
                "split it into sentences",
                *(number, len(pieces), most),
            )
        return pieces[:most]


def _check_device(device: str, compute_type: str) -> None:
    import ctranslate2

    if device == "cuda" and _gpus() == 0:
        raise SharingError(
            "--device cuda: CTranslate2 finds no GPU here; check that nvidia-smi does, or leave it "
            "out to translate on the CPU"
        )
    supported = ctranslate2.get_supported_compute_types(device)
    if compute_type not in ("default", "auto", *supported):
        raise SharingError(
            f"--compute-type {compute_type}: this machine's {device} has none but "
            f"{', '.join(sorted(supported))}; give one of these, or default"
        )


def _gpus() -> int:
    """How many GPUs CTranslate2 can use; it raises RuntimeError where the driver is too old."""
    import ctranslate2

    try:
        return ctranslate2.get_cuda_device_count()
    except RuntimeError:
        return 0


def load_sentencepiece(path: Path) -> sentencepiece.SentencePieceProcessor:
    """A SentencePiece model; SharingError if ``path`` is none."""
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError):
        raise SharingError(f"{path} is no SentencePiece model (.model file)") from None


def require_ctranslate2() -> None:
    """Raise SharingError with how to install it if CTranslate2 is missing."""
    if find_spec("ctranslate2") is None:
        raise SharingError("CTranslate2 is not installed: pip install ctranslate2 PyYAML")
