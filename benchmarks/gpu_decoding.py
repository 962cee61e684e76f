"""Beam-4 search on a card: fairseq's in half precision, and CTranslate2's where its wheel can."""

import time
from collections.abc import Callable, Iterator
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path

import torch
from decoders import search, with_ctranslate2
from gpu_training import wait
from random_checkpoint import dictionary, make_checkpoint, make_data
from systems import System

from fairseq_sharing.model.cost import Sizes

SENTENCES = (1, 16, 64)
LENGTH = 25
"""Words a sentence, and a translation."""
SYSTEMS = (System("unshared 12", "none", 12), System("cycle_rev 12", "cycle_rev", 12, 6))
QUANTIZATIONS = ("float16", "int8")
CUBLAS = "libcublas.so.12"

Case = tuple[str, str, int]
"""Engine, system, sentences."""


def random_words(sizes: Sizes, sentences: int) -> torch.Tensor:
    """(sentences, LENGTH)."""
    draw = torch.Generator().manual_seed(1)
    return torch.randint(4, sizes.vocabulary, (sentences, LENGTH), generator=draw)


def fairseq_searches(sizes: Sizes, device: str) -> Iterator[tuple[Case, Callable[[], None]]]:
    """A search for each system and batch, as fairseq-generate does it, with --fp16 on a card."""
    words = dictionary(sizes)
    for system in SYSTEMS:
        model = system.build(sizes).to(device)
        if device == "cuda":
            model = model.half()
        for sentences in SENTENCES:
            run = search(model, words, random_words(sizes, sentences))
            yield ("fairseq", system.name, sentences), run


def why_no_ctranslate2() -> str | None:
    """Why CTranslate2 cannot use the card, in one line, if it cannot."""
    if find_spec("ctranslate2") is None:
        return "CTranslate2 is not installed."
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        return "CTranslate2 finds no CUDA device."
    try:
        CDLL(CUBLAS)
    except OSError:
        return f"CTranslate2's wheel needs {CUBLAS}, which is not here: not measured."
    return None


def ctranslate2_searches(
    sizes: Sizes, folder: Path, device: str
) -> Iterator[tuple[Case, Callable[[], None]]]:
    """The same by CTranslate2, with the same shapes."""
    data = make_data(folder / "data", sizes)
    for system in SYSTEMS:
        unique = system.unique or system.layers
        path = make_checkpoint(folder / f"{unique}.pt", sizes, system.layers, unique)
        for sentences in SENTENCES:
            batch = random_words(sizes, sentences)
            exported = path.with_stem(f"{path.stem}-{sentences}")
            exported.symlink_to(path)
            for quantization in QUANTIZATIONS:
                run = with_ctranslate2(exported, data, batch, quantization, 1, device=device)
                yield (f"CTranslate2 {quantization}", system.name, sentences), run


@torch.no_grad()
def seconds(run: Callable[[], None]) -> float:
    """Of one batch, with the card at rest before and after."""
    wait()
    begin = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - begin
