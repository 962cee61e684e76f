"""CTranslate2 models, made by CTranslate2's own converter for fairseq from an unrolled model."""

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..checkpoint.contents import Checkpoint, Options, State
from ..checkpoint.depth import at_trained_depth
from ..checkpoint.files import disk_error
from ..checkpoint.unroll import unrolled
from ..errors import SharingError
from ..model.transformer import SharedTransformerModel
from .model_card import Card, check_run_folder
from .positions import positions_in, write_positions
from .text_data import check_pieces, read_dictionary, trained_languages
from .translate import SENTENCEPIECE, load_sentencepiece, require_ctranslate2

TASKS: dict[str, Options] = {
    "transformer": {
        "task": "translation",
        "left_pad_source": True,
        "left_pad_target": False,
        "source_lang": None,
        "target_lang": None,
    },
    "transformer_lm": {
        "task": "language_modeling",
        "output_dictionary_size": -1,
        "add_bos_token": False,
    },
}
"""The task of each of fairseq's models and what the converter asks of it."""

QUANTIZATIONS = ("float32", "float16", "int8", "int8_float32")

_UNSUPPORTED = {
    "transformer": (
        "adaptive_input",
        "adaptive_softmax_cutoff",
        "cross_self_attention",
        "merge_src_tgt_embed",
        "no_cross_attention",
        "no_decoder_final_norm",
    ),
    "transformer_lm": ("adaptive_input", "adaptive_softmax_cutoff", "character_embeddings"),
}
"""Options without a counterpart in CTranslate2 that its converter does not look at."""


def export_ct2(
    checkpoint: Checkpoint,
    data: Path,
    output: Path,
    *,
    sentencepiece: Path,
    languages: tuple[str, str] | None = None,
    quantization: str = "float32",
    license: str = "unknown",
    run_folder: Path | None = None,
) -> None:
    """Make the folder ``output``: a CTranslate2 model, the SentencePiece model, a model card.

    ``data`` holds fairseq's dictionaries of the two ``languages``, by default those the model was
    trained for; a language model has one dictionary and no languages. CTranslate2 stores equal
    tensors once, so that unique layers make the size. The card has what ``run_folder`` tells, if it
    is given. The folder appears whole or not at all. Raises SharingError for options that cannot be
    converted, for files that are missing or do not fit, and for an output that is not an empty
    folder.
    """
    require_ctranslate2()
    check_output_folder(output)
    if os.pathsep in str(data):
        raise SharingError(
            f"--data {data}: fairseq takes a '{os.pathsep}' for the end of a path: rename the "
            "folder or give a link to it"
        )
    pieces = load_sentencepiece(sentencepiece)
    if run_folder:
        check_run_folder(run_folder)
    _check_task(checkpoint)
    checkpoint = at_trained_depth(checkpoint)
    _check_options(checkpoint)
    state, options = unrolled(checkpoint)
    translated = _languages(checkpoint, data, languages)
    names = [f"dict.{language}.txt" for language in translated] or ["dict.txt"]
    for name, side in zip(names, checkpoint.kind.config.sides, strict=True):
        check_pieces(sentencepiece, pieces, read_dictionary(data / name, side, state))
    card = Card(output.name, translated, quantization, license, run_folder)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as made:
        path, folder = Path(made, "unrolled.pt"), Path(made, "model")
        try:
            with path.open("wb") as file:
                torch.save(_for_converter(state, options), file)
            _convert(path, data, translated, quantization, folder)
            shutil.copy(sentencepiece, folder / SENTENCEPIECE)
            write_positions(folder, positions_in(options))
            size = sum(part.stat().st_size for part in folder.iterdir())
            (folder / "README.md").write_text(card.text(checkpoint, size), "utf-8")
            folder.replace(output)
        except (OSError, RuntimeError) as error:
            raise SharingError(f"cannot write {output}: {disk_error(error).strerror}") from None


def check_output_folder(output: Path) -> None:
    """Raise SharingError unless ``output`` is an empty folder or can be made."""
    if not output.parent.is_dir():
        raise SharingError(f"--output {output}: there is no folder {output.parent}; make it first")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SharingError(f"--output {output} exists and is not an empty folder; name another one")


def _languages(
    checkpoint: Checkpoint, data: Path, given: tuple[str, str] | None
) -> tuple[str, ...]:
    """Those that a model translates from and to; none if it is a language model."""
    if checkpoint.kind is SharedTransformerModel:
        return given or trained_languages(checkpoint, data)
    if given:
        raise SharingError(
            f"--source-lang {given[0]}: {checkpoint.path} is of a language model, which translates "
            "nothing; drop it and --target-lang"
        )
    return ()


def _check_task(checkpoint: Checkpoint) -> None:
    """Raise SharingError for tasks that add tokens to the text, which ``translate`` would not."""
    options, known = checkpoint.task_options(), TASKS[checkpoint.kind.unshared]["task"]
    task = options.get("_name") or options.get("task") or known
    if task != known:
        raise SharingError(
            f"checkpoint {checkpoint.path} is of the task {task}; only models of the task "
            f"{known} can be exported, since others change the text, by tokens of languages "
            "for example. Decode it with fairseq-generate"
        )


def _check_options(checkpoint: Checkpoint) -> None:
    options = checkpoint.options()
    for name in _UNSUPPORTED[checkpoint.kind.unshared]:
        if options.get(name):
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"CTranslate2 cannot take this model: it has no {flag}")
    width = options["decoder_embed_dim"]
    for name in ("encoder_embed_dim", "decoder_input_dim", "decoder_output_dim"):
        if options.get(name, width) != width:
            raise SharingError(
                f"CTranslate2 cannot take this model: --{name.replace('_', '-')} {options[name]} "
                f"is not --decoder-embed-dim {width}"
            )


def _convert(
    checkpoint: Path, data: Path, languages: Sequence[str], quantization: str, folder: Path
) -> None:
    from ctranslate2.converters import FairseqConverter

    try:
        converter = FairseqConverter(str(checkpoint), str(data), *languages)
        converter.convert(str(folder), quantization=quantization)
    except ValueError as error:  # a list of what it does not support
        reasons = "; ".join(line.removeprefix("- ") for line in str(error).splitlines()[2:])
        raise SharingError(f"CTranslate2 cannot take this model: {reasons}") from error


def _for_converter(state: State, options: Options) -> dict[str, Any]:
    """A checkpoint in fairseq's form of before 2021, the only one that the converter reads."""
    name = options["_name"]
    args = argparse.Namespace(**TASKS[name] | options, arch=name)
    return {"args": args, "model": state}
