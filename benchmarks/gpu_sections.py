"""The sections of benchmarks/gpu.py: whole rounds of all systems in turn, while time is left."""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import harness
from gpu_decoding import LENGTH, Case, seconds
from gpu_report import Report, peak_tflops
from gpu_training import Candidate, Recipe, Trained

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
