"""What a training on a CPU saves where freed memory is kept, as `fairseq-sharing train` sees to.

The first updates of a run that was trained, with and without in turn; processor time and page
faults are those of the whole process. Example, after scripts/demo.sh: python
benchmarks/page_faults.py runs/demo/vanilla
"""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import harness

from fairseq_sharing.commands.jobs import KEEP_MEMORY

CASES: dict[str, dict[str, str]] = {"given back": {}, "kept": KEEP_MEMORY}


def train(command: list[str], environment: dict[str, str], threads: int) -> dict[str, float]:
    """What fairseq-train costs in this environment, which glibc reads when it starts."""
    ours = {name: value for name, value in os.environ.items() if name not in KEEP_MEMORY}
    ours |= {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, env=ours | environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "page faults": used.ru_minflt,
        "cpu s": used.ru_utime + used.ru_stime,
        "of these in the kernel": used.ru_stime,
        "peak MiB": used.ru_maxrss / 1024,
    }


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("run", type=Path, help="folder of a training, such as runs/demo/vanilla")
    parser.add_argument("--updates", type=int, default=150, help="a process; default 150")
    args = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *shlex.split((args.run / "command.txt").read_text("utf-8")),
            *("--no-save", "--save-dir", folder, "--restore-file", f"{folder}/none.pt"),
            *("--tensorboard-logdir", folder, "--max-update", str(args.updates)),
        ]
        for _ in range(args.rounds):
            for name, environment in CASES.items():
                found[name].append(train(command, environment, args.threads))
    rows = [
        {"freed memory": name, **{key: median(run[key] for run in runs) for key in runs[0]}}
        for name, runs in found.items()
    ]
    harness.report("page_faults", rows, args, harness.machine())


if __name__ == "__main__":
    main()
