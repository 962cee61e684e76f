"""Training and decoding speed on one card, all systems taking turns; see docs/gpu.md.

What matters most comes first, every round is written down, and when the minutes are used up what
was measured is printed. Example: python benchmarks/gpu.py --minutes 6
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import harness
import torch
from gpu_decoding import (
    LENGTH,
    Case,
    ctranslate2_searches,
    fairseq_searches,
    seconds,
    why_no_ctranslate2,
)
from gpu_report import Report, peak_tflops
from gpu_training import Candidate, Recipe, Trained
from random_checkpoint import LANGUAGES, dictionary
from systems import SIZES, System

from fairseq_sharing.cost import Sizes

TINY = Sizes(32, 64, 2, 500)
CYCLE_REV = System("cycle_rev 12", "cycle_rev", 12, 6)
SYSTEMS = (
    Candidate(System("vanilla", "none", 6)),
    Candidate(CYCLE_REV),
    Candidate(System("cycle_rev 18", "cycle_rev", 18, 6)),
    Candidate(System("unshared 12", "none", 12)),
    Candidate(System("universal", "universal", 6), wide=True),
)
OPTIONS = (
    Candidate(CYCLE_REV),
    Candidate(System("cycle_rev 12, Admin", "cycle_rev", 12, 6), admin=True),
    Candidate(System("cycle_rev 12, no reuse", "cycle_rev", 12, 6, reuse=False)),
    Candidate(System("cycle_rev 12, fused_adam", "cycle_rev", 12, 6, optimizer="fused_adam")),
    Candidate(System("vanilla", "none", 6)),
    Candidate(System("vanilla, fused_adam", "none", 6, optimizer="fused_adam")),
    Candidate(System("universal", "universal", 6), wide=True),
    Candidate(System("universal, no reuse", "universal", 6, reuse=False), wide=True),
)
ENDS = {"systems": (0.25, 0.45), "options": (0.6, 0.72), "fairseq": 0.9, "CTranslate2": 1.0}
"""How much of the time may be gone when a part, or its section for a batch, has ended."""


class Benchmark:
    """Where it runs, for how long, and what it has found so far."""

    def __init__(self, args: argparse.Namespace, recipe: Recipe) -> None:
        self.args, self.recipe = args, recipe
        self.begin = time.monotonic()
        self.report = Report(args.out)
        self.trained: dict[str, Trained] = {}
        self.peak = args.peak_tflops or peak_tflops(self.report.facts["machine"]["card"])

    def is_past(self, share: float) -> bool:
        """Whether that share of the time is gone."""
        return time.monotonic() - self.begin > share * 60 * self.args.minutes

    def take_turns(self, cases: Mapping, end: float, rows: Callable[[dict], list]) -> Iterator:
        """Whole rounds of ``cases``, at least one, until ``end``; yields ``rows`` after each."""
        timings = {name: harness.Timing() for name in cases}
        for number in range(self.args.rounds):
            if number and self.is_past(end):
                return
            for name, case in cases.items():
                timings[name].wall.append(case())
            yield rows(timings)

    def training(self, part: str, candidates: tuple[Candidate, ...]) -> None:
        """A section for each batch."""
        for one in candidates:
            if one.system.name not in self.trained:
                self.trained[one.system.name] = Trained(one, self.recipe)
        trained = {one.system.name: self.trained[one.system.name] for one in candidates}
        for tokens, end in zip(self.args.batches, ENDS[part], strict=True):
            if self.is_past(end):
                self.report.note(f"No time was left for {part} at {tokens:,} tokens a batch.")
                continue
            peaks = {}
            for name, one in trained.items():
                one.take_batch(tokens)
                one.take_turn(self.args.warm_up)
                peaks[name] = one.peak_mib()
            cases = {n: partial(one.take_turn, self.args.updates) for n, one in trained.items()}
            for rows in self.take_turns(cases, end, partial(self._training_rows, peaks)):
                self.report.put(f"Training, {part}, {tokens:,} tokens a batch", rows)

    def _training_rows(self, peaks: dict, timings: dict) -> list[dict]:
        rows = []
        for name, timing in timings.items():
            one = self.trained[name]
            rate = one.flops() / timing.seconds / 1e12
            rows.append(
                {
                    "system": name,
                    "tokens/s": round(one.sample["ntokens"] / timing.seconds),
                    "update, ms": 1e3 * timing.seconds,
                    "speed": 1 / timing.over(timings["vanilla"]),
                    "TFLOP/s": rate,
                    "share of peak": rate / self.peak if self.peak else "",
                    "peak MiB": peaks[name],
                    "rounds": len(timing.wall),
                }
            )
        return rows

    def decoding(self, engine: str, searches: Iterable[tuple[Case, Callable[[], None]]]) -> None:
        """A section for an engine; the first batch of each search does not count."""
        if self.is_past(ENDS[engine]):
            self.report.note(f"No time was left for decoding by {engine}.")
            return
        cases = {case: partial(seconds, run) for case, run in searches}
        for case in cases.values():
            case()
        for rows in self.take_turns(cases, ENDS[engine], decoding_rows):
            self.report.put(f"Beam-4 search by {engine}", rows)


def decoding_rows(timings: dict) -> list[dict]:
    """What a round more has made of the figures."""
    return [
        {
            "engine": engine,
            "system": system,
            "sentences": sentences,
            "batch, ms": 1e3 * timing.seconds,
            "words/s": round(sentences * LENGTH / timing.seconds),
            "over unshared": timing.over(timings[engine, "unshared 12", sentences]),
            "rounds": len(timing.wall),
        }
        for (engine, system, sentences), timing in timings.items()
    ]


def command_line() -> argparse.Namespace:
    """The options; ``--tiny`` is for finding mistakes where there is no card."""
    parser = harness.parser(__doc__.splitlines()[0], rounds=7)
    parser.add_argument("--minutes", type=float, default=6, help="in all; default 6")
    parser.add_argument("--batches", type=int, nargs=2, default=[3584, 14336], help="tokens each")
    parser.add_argument("--updates", type=int, default=10, help="a turn; default 10")
    parser.add_argument("--warm-up", type=int, default=10, help="updates; default 10")
    parser.add_argument("--peak-tflops", type=float, help="of the card, dense bf16")
    parser.add_argument("--cpu", action="store_true", help="no card, in float32")
    parser.add_argument("--tiny", action="store_true", help="small models, batches and numbers")
    args = parser.parse_args()
    if args.tiny:
        args.batches, args.updates, args.warm_up, args.rounds = [56, 112], 1, 1, 2
    return args


def main() -> None:
    args = command_line()
    torch.set_num_threads(args.threads)
    device = "cpu" if args.cpu else "cuda"
    sizes = TINY if args.tiny else SIZES["base"]
    with tempfile.TemporaryDirectory() as folder:
        for language in LANGUAGES:
            dictionary(sizes).save(str(Path(folder, f"dict.{language}.txt")))
        benchmark = Benchmark(args, Recipe(Path(folder), sizes, device))
        benchmark.training("systems", SYSTEMS)
        benchmark.training("options", OPTIONS)
        benchmark.trained.clear()
        benchmark.decoding("fairseq", fairseq_searches(sizes, device))
        reason = None if args.cpu else why_no_ctranslate2()
        if reason:
            benchmark.report.note(reason)
        else:
            benchmark.decoding("CTranslate2", ctranslate2_searches(sizes, Path(folder), device))
    print(benchmark.report.markdown())


if __name__ == "__main__":
    main()
