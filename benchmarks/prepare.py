"""What it takes to prepare generated text: pairs a second and memory of each step.

Memory is that of all processes at work together, with what they share counted once (PSS), as
sampled from /proc five times a second. Needs Linux.
"""

import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from harness import machine, parser, report

WORDS = 60_000
"""Different words of each language; their frequencies fall as Zipf's law says."""

EXPERIMENT = """
baseline = "vanilla"
seeds = [1]
[languages]
source = "en"
target = "de"
[data]
corpus = "mtdata"
max_words = 60
max_ratio = 2.0
valid_segments = 3000
test_segments = 3000
vocabulary = 32000
[train]
max-update = 1
[generate]
[[systems]]
name = "vanilla"
strategy = "none"
layers = 6
"""


def main() -> None:
    made = parser(__doc__ or "", rounds=1)
    made.add_argument("--pairs", type=int, nargs="+", default=[500_000, 5_000_000])
    made.add_argument("--work", type=Path, default=Path("prepare-benchmark"), help="folder")
    made.add_argument("--last", help="the step to end after; the same command resumes later")
    args = made.parse_args()
    rows = [row for pairs in args.pairs for row in measure(pairs, args.work, args.last)]
    report("prepare", rows, args, machine())


def measure(pairs: int, work: Path, last: str | None) -> list[dict[str, object]]:
    """A row for each step of preparing so many pairs; those of earlier calls are kept."""
    folder = work / str(pairs)
    rows_file = folder / "rows.json"
    rows = json.loads(rows_file.read_text()) if rows_file.exists() else []
    if not rows:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "generated.toml").write_text(EXPERIMENT)
        generate(pairs, folder / "text.en", folder / "text.de")
    megabytes = sum((folder / f"text.{side}").stat().st_size for side in ("en", "de")) / 1e6
    for step in run(folder, last):
        rows.append(
            {
                "pairs": f"{pairs:,}",
                "MB": f"{megabytes:,.0f}",
                "step": step.name,
                "seconds": f"{step.seconds:.0f}",
                "processor seconds": f"{step.processor:.0f}",
                "pairs a second": f"{pairs / step.seconds:,.0f}",
                "peak MiB": f"{step.peak:,.0f}",
            }
        )
    rows_file.write_text(json.dumps(rows))
    return rows


def generate(pairs: int, source: Path, target: Path) -> None:
    """Write pairs of 2 to 10 words; one in ten repeats an earlier one."""
    draw = random.Random(1)
    sides = [vocabulary(draw) for _ in range(2)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(WORDS)))
    earlier = ("", "")
    with source.open("w") as sources, target.open("w") as targets:
        for number in range(pairs):
            if number % 10 == 9:
                pair = earlier
            else:
                drawn = draw.choices(range(WORDS), cum_weights=weights, k=draw.randint(2, 10))
                pair = tuple(" ".join(side[word] for word in drawn) for side in sides)
            if number % 1000 == 0:
                earlier = pair
            sources.write(pair[0] + "\n")
            targets.write(pair[1] + "\n")


def vocabulary(draw: random.Random) -> list[str]:
    """Words of 1 to 5 syllables, the frequent ones short."""
    syllables = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "s")]
    words: dict[str, None] = {}
    while len(words) < WORDS:
        length = 1 + len(words).bit_length() // 4
        words["".join(draw.choices(syllables, k=draw.randint(1, length)))] = None
    return list(words)


@dataclass
class Step:
    """A step of a preparation: seconds on the wall and of all processors, peak memory in MiB."""

    name: str
    begin: float
    processor_begin: float
    seconds: float = 0
    processor: float = 0
    peak: float = 0


def run(folder: Path, last: str | None) -> list[Step]:
    """The steps of ``fairseq-sharing prepare``, which says when each begins."""
    tool = Path(sysconfig.get_path("scripts")) / "fairseq-sharing"
    command = [tool, "prepare", folder / "generated.toml", "--runs", folder / "runs"]
    command += ["--src", folder / "text.en", "--tgt", folder / "text.de"]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    steps: list[Step] = []
    watcher = threading.Thread(target=watch, args=(process, steps))
    watcher.start()
    for line in process.stdout or ():
        if line.startswith("prepare: ") and process.poll() is None:
            if steps and steps[-1].name == last:
                for pid in [process.pid, *descendants(process.pid)]:
                    os.kill(pid, signal.SIGKILL)
                break
            name = line.removeprefix("prepare: ").partition(" (")[0]
            steps.append(Step(name, time.perf_counter(), processor_seconds(process.pid)))
    watcher.join()
    if process.wait() > 0:
        sys.exit(process.returncode)
    return steps


def watch(process: subprocess.Popen[str], steps: list[Step]) -> None:
    """Keep the last step's figures up to date."""
    while process.poll() is None:
        for step in steps[-1:]:
            step.peak = max(step.peak, memory(process.pid))
            step.seconds = time.perf_counter() - step.begin
            step.processor = processor_seconds(process.pid) - step.processor_begin
        time.sleep(0.2)


def processor_seconds(pid: int) -> float:
    """Processor time of a process and all below it, those that have ended included."""
    ticks = 0
    for process in [pid, *descendants(pid)]:
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """MiB of a process and all below it."""
    total = 0.0
    for process in [pid, *descendants(pid)]:
        with suppress(OSError, IndexError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0]) / 1024
    return total


def descendants(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = list(map(int, path.read_text().split()))
        except OSError:
            continue
        for child in children:
            yield child
            yield from descendants(child)


if __name__ == "__main__":
    main()
