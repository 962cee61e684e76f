"""Beam search over one batch of random words, by fairseq and by CTranslate2."""

from argparse import Namespace
from collections.abc import Callable
from math import ceil
from pathlib import Path

import ctranslate2
import torch
from fairseq.checkpoint_utils import load_model_ensemble_and_task
from fairseq.sequence_generator import SequenceGenerator
from random_checkpoint import SENTENCEPIECE

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2

BEAM = 4
QUANTIZATIONS = ("float32", "int8")
CT2_BATCH = 32
"""At most; as in fairseq-sharing translate, which gives each thread batches of its own."""


def with_fairseq(
    path: Path, data: Path, words: torch.Tensor, **options: object
) -> Callable[[], None]:
    """fairseq's beam search, on ``words`` (B, T), by a model with other ``options``."""
    overrides = {"data": str(data), **options}
    models, _, task = load_model_ensemble_and_task([str(path)], arg_overrides=overrides)
    for model in models:  # as fairseq-generate does
        model.prepare_for_inference_(Namespace(generation=Namespace(beam=BEAM)))
    length = words.shape[1]
    generator = SequenceGenerator(
        models, task.target_dictionary, beam_size=BEAM, max_len_b=length, min_len=length
    )
    generator.eval()
    source = torch.cat([words, torch.full((len(words), 1), task.source_dictionary.eos())], 1)
    lengths = torch.full((len(words),), length + 1)
    sample = {"net_input": {"src_tokens": source, "src_lengths": lengths}}

    def run() -> None:
        hypotheses = generator.generate(models, sample)
        assert {len(beams[0]["tokens"]) for beams in hypotheses} == {length + 1}

    return run


def with_ctranslate2(
    path: Path, data: Path, words: torch.Tensor, quantization: str, threads: int
) -> Callable[[], None]:
    """The same by CTranslate2."""
    spm, folder = data / SENTENCEPIECE, data.parent / f"{path.stem}.{quantization}"
    export_ct2(Checkpoint.read(path), data, folder, sentencepiece=spm, quantization=quantization)
    translator = ctranslate2.Translator(str(folder), inter_threads=threads, intra_threads=1)
    # As make_data names them: entry 4 of the dictionary, after fairseq's symbols, is word4.
    batch = [[f"word{word}" for word in line] for line in words.tolist()]
    length = words.shape[1]

    def run() -> None:
        results = translator.translate_batch(
            batch,
            max_batch_size=min(CT2_BATCH, ceil(len(words) / threads)),
            beam_size=BEAM,
            min_decoding_length=length,
            max_decoding_length=length,
        )
        assert {len(result.hypotheses[0]) for result in results} == {length}

    return run
