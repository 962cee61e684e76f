"""Beam search over one batch of random words, by fairseq and by CTranslate2."""

from argparse import Namespace
from collections.abc import Callable
from math import ceil
from pathlib import Path

import torch
from fairseq.checkpoint_utils import load_model_ensemble_and_task
from fairseq.data import Dictionary
from fairseq.sequence_generator import SequenceGenerator
from random_checkpoint import SENTENCEPIECE
from torch import nn

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2

BEAM = 4
QUANTIZATIONS = ("float32", "int8")
CT2_BATCH = 32
"""At most, on a CPU; as in fairseq-sharing translate, where each thread has batches of its own."""


def with_fairseq(
    path: Path, data: Path, words: torch.Tensor, **options: object
) -> Callable[[], None]:
    """fairseq's beam search, on ``words`` (B, T), by a model with other ``options``."""
    overrides = {"data": str(data), **options}
    models, _, task = load_model_ensemble_and_task([str(path)], arg_overrides=overrides)
    return search(models[0], task.target_dictionary, words)


def search(model: nn.Module, dictionary: Dictionary, words: torch.Tensor) -> Callable[[], None]:
    """The same by a model that is there, on the device where it lies."""
    device = next(model.parameters()).device
    model.prepare_for_inference_(Namespace(generation=Namespace(beam=BEAM)))  # as fairseq-generate
    length = words.shape[1]
    generator = SequenceGenerator(
        [model], dictionary, beam_size=BEAM, max_len_b=length, min_len=length
    )
    generator.to(device).eval()
    source = torch.cat([words, torch.full((len(words), 1), dictionary.eos())], 1).to(device)
    lengths = torch.full((len(words),), length + 1, device=device)
    sample = {"net_input": {"src_tokens": source, "src_lengths": lengths}}

    def run() -> None:
        hypotheses = generator.generate([model], sample)
        assert {len(beams[0]["tokens"]) for beams in hypotheses} == {length + 1}

    return run


def with_ctranslate2(
    path: Path, data: Path, words: torch.Tensor, quantization: str, threads: int, **where: str
) -> Callable[[], None]:
    """The same by CTranslate2; ``where``: the device, if it is not the CPU."""
    import ctranslate2

    spm, folder = data / SENTENCEPIECE, data.parent / f"{path.stem}.{quantization}"
    export_ct2(Checkpoint.read(path), data, folder, sentencepiece=spm, quantization=quantization)
    translator = ctranslate2.Translator(
        str(folder), inter_threads=threads, intra_threads=1, **where
    )
    # As make_data names them: entry 4 of the dictionary, after fairseq's symbols, is word4.
    batch = [[f"word{word}" for word in line] for line in words.tolist()]
    length = words.shape[1]
    at_once = len(words) if where else min(CT2_BATCH, ceil(len(words) / threads))

    def run() -> None:
        results = translator.translate_batch(
            batch,
            max_batch_size=at_once,
            beam_size=BEAM,
            min_decoding_length=length,
            max_decoding_length=length,
        )
        assert {len(result.hypotheses[0]) for result in results} == {length}

    return run
