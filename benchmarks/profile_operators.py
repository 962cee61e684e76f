"""Where the time goes: torch's operators in training updates and in beam-4 search.

The largest, in milliseconds of an update (small sizes) and of a batch of 16 translations (base
sizes). Profiling adds to every call; whole times are those of train_step.py and decode.py.
Example: python benchmarks/profile_operators.py
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

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
DECODED = {
    "unshared 12": (12, {}),
    "cycle_rev 12, no reuse": (6, {"no_cross_attention_reuse": True}),
    "cycle_rev 12": (6, {}),
}
LARGEST = 12


def milliseconds(run: Callable[[], object], rounds: int) -> Counter:
    """Time inside each operator alone, for one ``run`` of ``rounds`` after one unmeasured."""
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(rounds):
            run()
    return Counter(
        {event.key: event.self_cpu_time_total / rounds / 1000 for event in found.key_averages()}
    )


def table(what: str, profiles: dict[str, Counter]) -> list[dict]:
    """A row for each of the operators that take longest in the first of ``profiles``."""
    first = next(iter(profiles.values()))
    names = [name for name, _ in first.most_common(LARGEST)]
    rows = [{"operator": name, **{s: p[name] for s, p in profiles.items()}} for name in names]
    rows.append({"operator": "all", **{s: p.total() for s, p in profiles.items()}})
    return [{"of": what, **row} for row in rows]


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0], rounds=2).parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
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
