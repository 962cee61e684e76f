"""Time and memory of one training update, for every way of sharing and for fairseq's own models.

Example: python benchmarks/train_step.py --size small
"""

import argparse

import harness
import torch
from systems import SIZES, System, Training

from fairseq_sharing.model.cost import multiply_adds

VANILLA = System("vanilla", "none", 6)
SYSTEMS = [
    VANILLA,
    System("unshared 12", "none", 12),
    System("unshared 18", "none", 18),
    System("sequence 12", "sequence", 12, 6),
    System("cycle 12", "cycle", 12, 6),
    System("cycle_rev 12", "cycle_rev", 12, 6),
    System("cycle_rev 12, no reuse", "cycle_rev", 12, 6, reuse=False),
    System("middle_cycle 12", "middle_cycle", 12, 6),
    System("middle_sequence 12", "middle_sequence", 12, 6),
    System("cycle_rev 18", "cycle_rev", 18, 6),
    System("cycle_rev 18, no reuse", "cycle_rev", 18, 6, reuse=False),
    System("universal", "universal", 6),
    System("universal, no reuse", "universal", 6, reuse=False),
    System("vanilla, fused_adam", "none", 6, optimizer="fused_adam"),
    System("unshared 12, fused_adam", "none", 12, optimizer="fused_adam"),
    System("cycle_rev 12, fused_adam", "cycle_rev", 12, 6, optimizer="fused_adam"),
    System("cycle_rev 18, fused_adam", "cycle_rev", 18, 6, optimizer="fused_adam"),
]


def peak_of_two_updates(system: System, *shape) -> float:
    """Peak memory of a process that trains one system, MiB."""
    one = system.training(*shape)
    for _ in range(2):
        list(one.phases())
    return harness.peak_mib()


def state_mib(one: Training) -> float:
    """Weights, their gradients and Adam's two moments, each tensor once, MiB."""
    weights = sum(p.numel() * p.element_size() for p in one.model.parameters())
    moments = sum(
        value.numel() * value.element_size()
        for state in one.optimizer.optimizer.state.values()
        for value in state.values()
        if torch.is_tensor(value)
    )
    return (2 * weights + moments) / harness.MIB


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=9)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--sentences", type=int, default=32, help="a batch; default 32")
    parser.add_argument("--length", type=int, default=25, help="words a sentence; default 25")
    parser.add_argument("--systems", nargs="*", metavar="NAME", help="some systems only")
    parser.add_argument("--no-peak", action="store_true", help="time only, in half the time")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    chosen = [s for s in SYSTEMS if args.systems is None or s.name in (*args.systems, VANILLA.name)]
    shape = (SIZES[args.size], args.sentences, args.length)
    trained = {system.name: system.training(*shape) for system in chosen}
    timings = harness.interleaved({n: t.phases for n, t in trained.items()}, args.rounds)
    state = {name: state_mib(one) for name, one in trained.items()}
    trained.clear()
    vanilla = timings[VANILLA.name]
    rows = [
        {
            "system": system.name,
            **{f"{phase}, cpu s": timing.phase(phase) for phase in timing.phases[0]},
            "step, cpu s": timing.processor,
            "step, s": timing.seconds,
            "speed, cpu": vanilla.processor / timing.processor,
            "speed": 1 / timing.over(vanilla),
            "multiply-adds": work(VANILLA, args) / work(system, args),
            "state MiB": round(state[system.name]),
            "peak MiB": ""
            if args.no_peak
            else round(harness.in_own_process(peak_of_two_updates, system, *shape)),
        }
        for system in chosen
        for timing in [timings[system.name]]
    ]
    harness.report(f"train_step_{args.size}", rows, args, where)


def work(system: System, args: argparse.Namespace) -> int:
    """Multiply-adds a word; without reuse they are those of layers that share nothing."""
    return multiply_adds(SIZES[args.size], system.maps, args.length)


if __name__ == "__main__":
    main()
