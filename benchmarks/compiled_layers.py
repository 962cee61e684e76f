"""torch.compile of the layers against fairseq's code as it is: updates, and what compiling takes.

All encoder layers share one compiled function, and so do all decoder layers, whatever their number.
Example: python benchmarks/compiled_layers.py
"""

import time
from types import MethodType

import harness
import torch
from systems import SIZES, System, Training

SYSTEMS = [
    System("vanilla", "none", 6),
    System("cycle_rev 12, no reuse", "cycle_rev", 12, 6, reuse=False),
    System("cycle_rev 12", "cycle_rev", 12, 6),
]


def compile_layers(one: Training) -> float:
    """Compile the layers in place; returns the seconds of the first update, which does it."""
    for side in (one.model.encoder, one.model.decoder):
        forward = torch.compile(type(side.layers[0]).forward)
        for layer in side.layers:
            layer.forward = MethodType(forward, layer)
    begin = time.perf_counter()
    list(one.phases())
    return time.perf_counter() - begin


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("--size", choices=SIZES, default="small")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    cases, compiling = {}, {}
    for system in SYSTEMS:
        for layers in ("as they are", "compiled"):
            one = system.training(SIZES[args.size], 32, 25)
            torch.compiler.reset()
            compiling[system, layers] = compile_layers(one) if layers == "compiled" else ""
            cases[system, layers] = one.phases
    timings = harness.interleaved(cases, args.rounds)
    rows = [
        {
            "system": system.name,
            "layers": layers,
            "first update, s": compiling[system, layers],
            **{f"{phase}, cpu s": timing.phase(phase) for phase in timing.phases[0]},
            "step, cpu s": timing.processor,
            "step, s": timing.seconds,
            "over as they are": timing.over(timings[system, "as they are"]),
        }
        for (system, layers), timing in timings.items()
    ]
    harness.report(f"compiled_layers_{args.size}", rows, args, where)


if __name__ == "__main__":
    main()
