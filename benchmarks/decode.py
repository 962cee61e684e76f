"""Beam-4 search of N=12, M=6 against unshared layers: fairseq's and CTranslate2's.

Base sizes, random weights, every translation as long as its source. Example:
python benchmarks/decode.py --sentences 1 16
"""

import tempfile
from pathlib import Path

import harness
import torch
from decoders import BEAM, QUANTIZATIONS, with_ctranslate2, with_fairseq
from fairseq.checkpoint_utils import load_model_ensemble
from random_checkpoint import make_checkpoint, make_data
from systems import SIZES

CHECKPOINTS = {"unshared 12": 12, "cycle_rev 12": 6}


def cache_mib(checkpoint: Path, data: Path, words: torch.Tensor) -> float:
    """What fairseq's beam search keeps of the encoder output for cross-attention, MiB."""
    model = load_model_ensemble([str(checkpoint)], {"data": str(data)})[0][0].eval()
    beams, length = words.repeat_interleave(BEAM, dim=0), words.shape[1]
    encoded = model.encoder(beams, torch.full((len(beams),), length))
    cache: dict = {}
    model.decoder(torch.full((len(beams), 1), 2), encoder_out=encoded, incremental_state=cache)
    kept = [
        state[part]
        for state in cache.values()
        for part in ("prev_key", "prev_value")
        if state[part].shape[2] == length
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in kept) / harness.MIB


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("--sentences", type=int, nargs="+", default=[1, 16, 64], help="batch sizes")
    parser.add_argument("--length", type=int, default=25, help="words a sentence; default 25")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(Path(folder, "data"), SIZES["base"])
        paths = {
            name: make_checkpoint(Path(folder, f"{unique}.pt"), SIZES["base"], 12, unique)
            for name, unique in CHECKPOINTS.items()
        }
        for sentences in args.sentences:
            draw = torch.Generator().manual_seed(1)
            words = torch.randint(4, 32768, (sentences, args.length), generator=draw)
            rows += measure(paths, data, words, args.rounds, args.threads)
    harness.report("decode", rows, args, where)


def measure(
    paths: dict[str, Path], data: Path, words: torch.Tensor, rounds: int, threads: int
) -> list[dict]:
    """A row for each engine and checkpoint, ``words`` (B, T) being one batch."""
    cases = {}
    for name, path in paths.items():
        cases["fairseq", name] = harness.one_phase(with_fairseq(path, data, words))
        exported = path.with_stem(f"{path.stem}-{len(words)}")  # is exported under this name
        exported.symlink_to(path)
        for quantization in QUANTIZATIONS:
            run = with_ctranslate2(exported, data, words, quantization, threads)
            cases[f"CTranslate2 {quantization}", name] = harness.one_phase(run)
    timings = harness.interleaved(cases, rounds)
    return [
        {
            "engine": engine,
            "system": name,
            "sentences": len(words),
            "batch, cpu s": timing.processor,
            "batch, s": timing.seconds,
            "over unshared": timing.over(timings[engine, "unshared 12"]),
            "words/s": words.numel() / timing.seconds,
            "speed over fairseq": 1 / timing.over(timings["fairseq", name]),
            "cross-attention cache MiB": cache_mib(paths[name], data, words)
            if engine == "fairseq"
            else "",
        }
        for (engine, name), timing in timings.items()
    ]


if __name__ == "__main__":
    main()
