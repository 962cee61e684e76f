"""What a training on a CPU saves where freed memory is kept, as `fairseq-sharing train` sees to.

Processes with and without take turns. Example: python benchmarks/page_faults.py --sentences 24
"""

import json
import os
import resource
import subprocess
import sys
from statistics import median

import harness
import torch
from systems import SIZES, System

from fairseq_sharing.commands.jobs import KEEP_MEMORY

SYSTEM = System("vanilla 2", "none", 2, optimizer="fused_adam")
CASES: dict[str, dict[str, str]] = {"glibc's own way": {}, "kept": KEEP_MEMORY}
WARM_UP = 4


def updates(number: int, sentences: int, length: int) -> dict[str, float]:
    """What one of ``number`` updates costs this process, whose batches differ in length."""
    batches = [(sentences * length // words, words) for words in range(length - 6, length + 6)]
    training = SYSTEM.training(SIZES["small"], *batches[0])
    samples = [SYSTEM.training(SIZES["small"], *batch).sample for batch in batches]
    for step in range(-WARM_UP, number):
        if step == 0:
            before = resource.getrusage(resource.RUSAGE_SELF)
        training.sample = samples[step % len(samples)]
        list(training.phases())
    after = resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return {
        "page faults": (after.ru_minflt - before.ru_minflt) / number,
        "cpu s": (user + system) / number,
        "of these in the kernel": system / number,
        "peak MiB": harness.peak_mib(),
    }


def in_environment(environment: dict[str, str], args) -> dict[str, float]:
    """The same of a process in this environment, which glibc reads when it starts."""
    ours = {name: value for name, value in os.environ.items() if name not in KEEP_MEMORY}
    shape = [f"--{name}={getattr(args, name)}" for name in ("updates", "sentences", "length")]
    command = [sys.executable, __file__, "--alone", f"--threads={args.threads}", *shape]
    found = subprocess.run(command, env=ours | environment, check=True, stdout=subprocess.PIPE)
    return json.loads(found.stdout)


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--sentences", type=int, default=24, help="a batch; default 24")
    parser.add_argument("--length", type=int, default=25, help="words a sentence; default 25")
    parser.add_argument("--updates", type=int, default=40, help="a process; default 40")
    parser.add_argument("--alone", action="store_true", help="one process, as it is; prints JSON")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.alone:
        print(json.dumps(updates(args.updates, args.sentences, args.length)))
        return
    where = harness.machine()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    for _ in range(args.rounds):
        for name, environment in CASES.items():
            found[name].append(in_environment(environment, args))
    rows = [
        {"freed memory": name, **{key: median(run[key] for run in runs) for key in runs[0]}}
        for name, runs in found.items()
    ]
    harness.report("page_faults", rows, args, where)


if __name__ == "__main__":
    main()
