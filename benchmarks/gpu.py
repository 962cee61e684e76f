"""Training and decoding speed on one card, all systems taking turns; see docs/gpu.md.

What matters most comes first, every round is written down, and when the minutes are used up what
was measured is printed. Example: python benchmarks/gpu.py --minutes 6
"""

import argparse
import tempfile
from pathlib import Path

import harness
import torch
from gpu_decoding import ctranslate2_searches, fairseq_searches, why_no_ctranslate2
from gpu_sections import Benchmark
from gpu_training import Candidate, Recipe
from random_checkpoint import LANGUAGES, dictionary
from systems import SIZES, System

from fairseq_sharing.model.cost import Sizes

TINY = Sizes(32, 64, 2, 500)
CYCLE_REV = System("cycle_rev 12", "cycle_rev", 12, 6)
SYSTEMS = (
    Candidate(System("vanilla", "none", 6)),
    Candidate(CYCLE_REV),
    Candidate(System("cycle_rev 18", "cycle_rev", 18, 6)),
    Candidate(System("unshared 12", "none", 12)),
    Candidate(System("universal", "universal", 6), wide=True),
)
OPTIONS = (
    Candidate(CYCLE_REV),
    Candidate(System("cycle_rev 12, Admin", "cycle_rev", 12, 6), admin=True),
    Candidate(System("cycle_rev 12, no reuse", "cycle_rev", 12, 6, reuse=False)),
    Candidate(System("cycle_rev 12, fused_adam", "cycle_rev", 12, 6, optimizer="fused_adam")),
    Candidate(System("vanilla", "none", 6)),
    Candidate(System("vanilla, fused_adam", "none", 6, optimizer="fused_adam")),
    Candidate(System("universal", "universal", 6), wide=True),
    Candidate(System("universal, no reuse", "universal", 6, reuse=False), wide=True),
)


def command_line() -> argparse.Namespace:
    """The options; ``--tiny`` is for finding mistakes where there is no card."""
    parser = harness.parser(__doc__.splitlines()[0], rounds=7)
    parser.add_argument("--minutes", type=float, default=6, help="in all; default 6")
    parser.add_argument("--batches", type=int, nargs=2, default=[3584, 14336], help="tokens each")
    parser.add_argument("--updates", type=int, default=10, help="a turn; default 10")
    parser.add_argument("--warm-up", type=int, default=10, help="updates; default 10")
    parser.add_argument("--peak-tflops", type=float, help="of the card, dense bf16")
    parser.add_argument("--cpu", action="store_true", help="no card, in float32")
    parser.add_argument("--tiny", action="store_true", help="small models, batches and numbers")
    args = parser.parse_args()
    if args.tiny:
        args.batches, args.updates, args.warm_up, args.rounds = [56, 112], 1, 1, 2
    return args


def measure(benchmark: Benchmark, sizes: Sizes, folder: Path, device: str) -> None:
    """All parts, the most wanted first."""
    benchmark.training("systems", SYSTEMS)
    benchmark.training("options", OPTIONS)
    benchmark.trained.clear()
    benchmark.decoding("fairseq", fairseq_searches(sizes, device))
    reason = None if device == "cpu" else why_no_ctranslate2()
    if reason:
        benchmark.report.note(reason)
    else:
        benchmark.decoding("CTranslate2", ctranslate2_searches(sizes, folder, device))


def main() -> None:
    args = command_line()
    torch.set_num_threads(args.threads)
    device = "cpu" if args.cpu else "cuda"
    sizes = TINY if args.tiny else SIZES["base"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for language in LANGUAGES:
            dictionary(sizes).save(str(folder / f"dict.{language}.txt"))
        benchmark = Benchmark(args, Recipe(folder, sizes, device))
        try:
            measure(benchmark, sizes, folder, device)
        finally:
            print(benchmark.report.markdown())


if __name__ == "__main__":
    main()
