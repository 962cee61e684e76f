"""What every benchmark needs: interleaved timing, peak memory, and a report as JSON and Markdown.

Cases take turns in one process, so that whatever slows the machine down slows all of them down.
Two clocks run: the wall, and the processor time of all threads, which is what to read where the
machine has other things to do (threads that wait must sleep for that: ``OMP_WAIT_POLICY``).
"""

import argparse
import json
import logging
import multiprocessing
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported
import torch

MIB = 2**20


@dataclass
class Timing:
    """Seconds of each repetition of a case; processor seconds by phase."""

    wall: list[float] = field(default_factory=list)
    phases: list[dict[str, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median on the wall clock."""
        return median(self.wall)

    @property
    def processor(self) -> float:
        """Median of the processor time of all threads."""
        return median(sum(phases.values()) for phases in self.phases)

    def phase(self, name: str) -> float:
        """Median processor seconds of one phase."""
        return median(phases[name] for phases in self.phases)

    def over(self, other: "Timing") -> float:
        """Median of this case's seconds over those of ``other`` in the same round."""
        return median(a / b for a, b in zip(self.wall, other.wall, strict=True))


def interleaved(cases: Mapping[str, Callable[[], Iterable[str]]], rounds: int) -> dict[str, Timing]:
    """Run all cases in turn, ``rounds`` times after one that does not count.

    A case yields the name of each of its phases when that has ended.
    """
    timings = {name: Timing() for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            begin, before = time.perf_counter(), time.process_time()
            phases = {}
            for phase in case():
                now = time.process_time()
                phases[phase], before = now - before, now
            if number:
                timings[name].wall.append(time.perf_counter() - begin)
                timings[name].phases.append(phases)
    return timings


def one_phase(run: Callable[[], None]) -> Callable[[], Iterable[str]]:
    """A case without gradients and with a single phase."""

    def case() -> Iterable[str]:
        with torch.no_grad():
            run()
        yield "all"

    return case


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` returns in a fresh process, where it alone uses memory."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()


def peak_mib() -> float:
    """The most memory that this process has used, MiB."""
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent's as well
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """A command line with the options that all benchmarks have; their logs would drown figures."""
    logging.disable(logging.INFO)
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--rounds", type=int, default=rounds, help=f"timed rounds; default {rounds}")
    made.add_argument("--threads", type=int, default=2, help="threads of torch; default 2")
    made.add_argument("--out", type=Path, default=Path("benchmark-results"), help="folder")
    return made


def _others_seconds() -> float:
    """Processor seconds that all but this process and its ended children have used or lost."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:9])
    ticks = user + nice + system + sum(interrupts)  # with what a hypervisor took
    return ticks / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


_begin = time.perf_counter(), _others_seconds()


def machine() -> dict[str, Any]:
    """Where the figures were measured."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.partition(": ")[2] for line in processors if line.startswith("model name"))
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def this_command() -> str:
    """The command line of this benchmark, to be run from the root of the repository."""
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The lines of ``rows`` as a Markdown table."""
    header = list(rows[0])
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(_shown(row[column]) for column in header) + " |" for row in rows),
    ]


def report(name: str, rows: list[dict[str, Any]], args: argparse.Namespace, where: dict) -> None:
    """Print ``rows`` as a Markdown table and write it, and JSON, to ``args.out``."""
    command = this_command()
    passed, others = time.perf_counter() - _begin[0], _others_seconds() - _begin[1]
    where = {**where, "others' processors": max(0.0, round(others / passed, 2))}
    facts_line = ", ".join(f"{key} {value}" for key, value in where.items())
    lines = [f"`{command}`", facts_line, "", *table(rows)]
    args.out.mkdir(parents=True, exist_ok=True)
    facts = {"command": command, "machine": where, "rows": rows}
    (args.out / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    (args.out / f"{name}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
