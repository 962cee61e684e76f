"""How the cost of an update grows: with N at fixed M, M at fixed N, sentence length and batch.

Cycle (rev) at the small sizes. Example: python benchmarks/scaling.py
"""

import harness
import torch
from systems import SIZES, System

from fairseq_sharing.model.cost import multiply_adds

SIZE = SIZES["small"]
DEPTHS = [(6, 6), (12, 6), (18, 6), (24, 6), (12, 1), (12, 3), (12, 12)]
SHAPES = [(32, 25), (8, 25), (64, 25), (32, 12), (32, 50), (32, 100)]
CASES = [
    *((layers, unique, *SHAPES[0]) for layers, unique in DEPTHS),
    *((12, 6, sentences, length) for sentences, length in SHAPES[1:]),
]


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0], rounds=5).parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    cases = {
        case: System("", "cycle_rev", *case[:2]).training(SIZE, *case[2:]).phases for case in CASES
    }
    timings = harness.interleaved(cases, args.rounds)
    rows = []
    for (layers, unique, sentences, length), timing in timings.items():
        maps = System("", "cycle_rev", layers, unique).maps
        operations = multiply_adds(SIZE, maps, length) * sentences * length * 3
        rows.append(
            {
                "N": layers,
                "M": unique,
                "sentences": sentences,
                "length": length,
                "update, cpu s": timing.processor,
                "update, s": timing.seconds,
                "words/s": sentences * length / timing.seconds,
                "multiply-adds, billions": operations / 1e9,
                "billions/s": operations / 1e9 / timing.seconds,
            }
        )
    harness.report("scaling", rows, args, where)


if __name__ == "__main__":
    main()
