"""Time and memory to build, save and load models of random weights, each in its own process.

Example: python benchmarks/start.py --size base
"""

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import harness
import torch
from systems import SIZES, System

SYSTEMS = [
    System("vanilla 6", "none", 6),
    System("unshared 18", "none", 18),
    System("cycle_rev 12", "cycle_rev", 12, 6),
    System("cycle_rev 18", "cycle_rev", 18, 6),
]


def start(system: System, size: str, threads: int) -> dict[str, float]:
    """Seconds to build, save and load; MiB of the file and of the process that built the model."""
    torch.set_num_threads(threads)
    before, clock = harness.peak_mib(), [time.perf_counter()]
    model = system.build(SIZES[size])
    clock.append(time.perf_counter())
    peak = harness.peak_mib() - before
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        torch.save(model.state_dict(), file.name)
        clock.append(time.perf_counter())
        model.load_state_dict(torch.load(file.name, mmap=True))
        clock.append(time.perf_counter())
        stored = Path(file.name).stat().st_size / harness.MIB
    build, save, load = (after - begin for begin, after in pairwise(clock))
    return {
        "build, s": build,
        "save, s": save,
        "load, s": load,
        "file MiB": stored,
        "build, peak MiB more": peak,
    }


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("--size", choices=SIZES, default="base")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    found: dict[str, list[dict[str, float]]] = {system.name: [] for system in SYSTEMS}
    for _ in range(args.rounds):
        for system in SYSTEMS:
            run = harness.in_own_process(start, system, args.size, args.threads)
            found[system.name].append(run)
    rows = [
        {"system": name, **{key: median(run[key] for run in runs) for key in runs[0]}}
        for name, runs in found.items()
    ]
    harness.report(f"start_{args.size}", rows, args, where)


if __name__ == "__main__":
    main()
