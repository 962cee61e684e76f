"""Beam search, fairseq against CTranslate2, shared and not: python benchmarks/decoding_speed.py

Base sizes with a joined vocabulary of 32,768, N=12: Cycle (rev) with M=6 and unshared, random
weights. Every sentence has --length words and gets a translation of as many. The systems take
turns; prints the median seconds a batch and the fastest and slowest, as a Markdown table.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import sentencepiece
import torch
from fairseq.checkpoint_utils import load_model_ensemble_and_task
from fairseq.sequence_generator import SequenceGenerator
from random_checkpoint import make_checkpoint, make_data

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.cost import Sizes
from fairseq_sharing.export.ct2 import export_ct2

BEAM = 4
SYSTEMS = {"shared, M=6": 6, "unshared": 12}
QUANTIZATIONS = ("float32", "int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--sentences", type=int, default=8)
    parser.add_argument("--length", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(args.threads)
    draw = torch.Generator().manual_seed(1)
    words = torch.randint(4, 32768, (args.sentences, args.length), generator=draw)
    runs: dict[str, Callable[[], None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(Path(folder, "data"), Sizes())
        for name, unique in SYSTEMS.items():
            path = make_checkpoint(Path(folder, f"{unique}.pt"), Sizes(), args.layers, unique)
            runs[f"fairseq, {name}"] = with_fairseq(path, data, words)
            for quantization in QUANTIZATIONS:
                model = with_ctranslate2(path, data, words, quantization, args.threads)
                runs[f"CTranslate2 {quantization}, {name}"] = model
    report(measure(runs, args.repeats))


def with_fairseq(path: Path, data: Path, words: torch.Tensor) -> Callable[[], None]:
    """fairseq's beam search, on ``words`` (B, T)."""
    models, _, task = load_model_ensemble_and_task([str(path)], arg_overrides={"data": str(data)})
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
    spm, folder = data.parent / "any.model", data.parent / f"{path.stem}.{quantization}"
    if not spm.exists():
        text = iter(["any text", "will do"])
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=text,
            model_prefix=str(spm.with_suffix("")),
            hard_vocab_limit=False,
            vocab_size=20,
            minloglevel=2,
        )
    export_ct2(Checkpoint.read(path), data, folder, sentencepiece=spm, quantization=quantization)
    translator = ctranslate2.Translator(str(folder), intra_threads=threads, inter_threads=1)
    # As make_data names them: entry 4 of the dictionary, after fairseq's symbols, is word4.
    batch = [[f"word{word}" for word in line] for line in words.tolist()]
    length = words.shape[1]

    def run() -> None:
        results = translator.translate_batch(
            batch, beam_size=BEAM, min_decoding_length=length, max_decoding_length=length
        )
        assert {len(result.hypotheses[0]) for result in results} == {length}

    return run


def measure(runs: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, all of them in turn, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            with torch.no_grad():
                run()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    print("| system | s a batch, median | min - max |\n|---|---:|---:|")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.2f} | {min(values):.2f} - {max(values):.2f} |")


if __name__ == "__main__":
    main()
