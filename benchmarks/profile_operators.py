"""Where the time goes: torch's operators in training updates and in beam-4 search.

The largest, in milliseconds of an update (small sizes) and of a batch of 16 translations (base
sizes). Profiling adds to every call; whole times are those of train_step.py and decode.py. --calls
counts instead, which does not depend on the machine: the operators that an update of universal
(small sizes) calls another number of times with reuse than without.
Example: python benchmarks/profile_operators.py
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import torch
from decoders import with_fairseq
from random_checkpoint import make_checkpoint, make_data
from systems import SIZES, System
from torch.profiler import ProfilerActivity, profile

TRAINED = [
    System("unshared 12", "none", 12),
    System("cycle_rev 12, no reuse", "cycle_rev", 12, 6, reuse=False),
    System("cycle_rev 12", "cycle_rev", 12, 6),
]
COUNTED = [
    System("universal, no reuse", "universal", 6, reuse=False),
    System("universal", "universal", 6),
]
DECODED = {
    "unshared 12": (12, {}),
    "cycle_rev 12, no reuse": (6, {"no_cross_attention_reuse": True}),
    "cycle_rev 12": (6, {}),
}
LARGEST = 12


def profiled(run: Callable[[], object], rounds: int) -> Any:
    """torch's averages by operator over ``rounds`` of ``run``, after one unmeasured."""
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(rounds):
            run()
    return found.key_averages()


def milliseconds(run: Callable[[], object], rounds: int) -> Counter:
    """Time inside each operator alone, for one ``run``."""
    events = profiled(run, rounds)
    return Counter({event.key: event.self_cpu_time_total / rounds / 1000 for event in events})


def calls() -> list[dict]:
    """A row for each of torch's operators that the systems of COUNTED call differently often."""
    counts = {}
    for system in COUNTED:
        one = system.training(SIZES["small"], 32, 25)
        events = profiled(lambda one=one: list(one.phases()), 1)
        counts[system.name] = Counter({event.key: event.count for event in events})
    first, second = counts.values()
    names = sorted(name for name in first | second if name.startswith("aten::"))
    rows = [{"operator": name, **{s: c[name] for s, c in counts.items()}} for name in names]
    return [row for row in rows if first[row["operator"]] != second[row["operator"]]]


def table(what: str, profiles: dict[str, Counter]) -> list[dict]:
    """A row for each of the operators that take longest in the first of ``profiles``."""
    first = next(iter(profiles.values()))
    names = [name for name, _ in first.most_common(LARGEST)]
    rows = [{"operator": name, **{s: p[name] for s, p in profiles.items()}} for name in names]
    rows.append({"operator": "all", **{s: p.total() for s, p in profiles.items()}})
    return [{"of": what, **row} for row in rows]


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=2)
    parser.add_argument("--calls", action="store_true", help="count calls of an update instead")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    if args.calls:
        harness.report("profile_operators", calls(), args, where)
        return
    updates = {}
    for system in TRAINED:
        one = system.training(SIZES["small"], 32, 25)
        updates[system.name] = milliseconds(lambda one=one: list(one.phases()), args.rounds)
    searches = {}
    words = torch.randint(4, 32768, (16, 25), generator=torch.Generator().manual_seed(1))
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        data = make_data(Path(folder, "data"), SIZES["base"])
        for name, (unique, options) in DECODED.items():
            path = make_checkpoint(Path(folder, f"{unique}.pt"), SIZES["base"], 12, unique)
            run = with_fairseq(path, data, words, **options)
            searches[name] = milliseconds(run, args.rounds)
    rows = table("training", updates) + table("search", searches)
    harness.report("profile_operators", rows, args, where)


if __name__ == "__main__":
    main()
