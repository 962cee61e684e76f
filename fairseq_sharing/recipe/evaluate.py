"""The third stage: every system decodes every test set with fairseq-generate and is scored."""

import dataclasses
import re
from pathlib import Path

from ..errors import SharingError
from .experiment import Experiment, TestSet, settings_of, to_flags
from .jobs import Job, fairseq_tool, run_jobs
from .parallel_text import read_lines
from .prepare import DATA, require_prepared
from .runs import Run, require_baseline, runs_of
from .scoring import score
from .stages import Stage, exclusive, sha256, write_json, write_lines
from .train import on_cpu, slots, user_dir

_HYPOTHESIS = re.compile(r"^D-(\d+)\t[^\t]*\t(.*)$", re.MULTILINE)


def evaluate(experiment: Experiment, folder: Path) -> None:
    """Write hypotheses and scores beside each system's checkpoint, unless they are there.

    Every segment is decoded and scored; fairseq-generate returning another number is an error.
    """
    require_baseline(experiment)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    for run in runs:
        _require_checkpoint(run)
    stages = {run.name: _stage(run) for run in runs}
    with exclusive(folder) as lock:
        waiting = [run for run in runs if not stages[run.name].is_finished()]
        for number, test_set in enumerate(experiment.test_sets):
            print(
                f"decoding {test_set.name}: {', '.join(run.name for run in waiting) or 'all done'}"
            )
            jobs = [_decoding(run, test_set, number, folder) for run in waiting]
            run_jobs(jobs, slots(), lock)
        for run in waiting:
            stages[run.name].finish()
        _score(runs, folder)


def hypotheses_of(output: Path, expected: int) -> list[str]:
    """The detokenised translations in fairseq-generate's output, in the order of the test set."""
    found = {int(number): text for number, text in _HYPOTHESIS.findall(output.read_text("utf-8"))}
    if sorted(found) != list(range(expected)):
        raise SharingError(
            f"fairseq-generate returned {len(found)} of {expected} segments (see {output}): "
            "no score is given for a part of a test set"
        )
    return [found[number] for number in range(expected)]


def _stage(run: Run) -> Stage:
    outputs = tuple(run.hypotheses(test_set.name) for test_set in run.experiment.test_sets)
    settings = {
        "generate": dict(run.experiment.generate),
        "test_sets": [settings_of(test_set) for test_set in run.experiment.test_sets],
        "checkpoint": sha256(run.checkpoint),
    }
    return Stage(run.folder, "evaluate", settings, outputs)


def _require_checkpoint(run: Run) -> None:
    run.training.refuse_changes()
    if not run.training.is_finished():
        raise SharingError(
            f"{run.name} has no finished training in {run.folder} (expected {run.checkpoint}): "
            "run fairseq-sharing train first, or leave it out with --systems"
        )


def _decoding(run: Run, test_set: TestSet, number: int, folder: Path) -> Job:
    """The fairseq-generate command; its success turns its output into a file of hypotheses."""
    output = run.folder / f"generate.{test_set.name}.log"
    output.unlink(missing_ok=True)
    languages = run.experiment.languages
    references = read_lines(folder / "corpus" / f"{test_set.name}.{languages.target}")
    options = {
        "source-lang": languages.source,
        "target-lang": languages.target,
        "user-dir": user_dir(),
        "path": run.checkpoint,
        "gen-subset": f"test{number or ''}",
        "remove-bpe": "sentencepiece",
        "required-batch-size-multiple": 1,
        "num-workers": 0,
        "cpu": on_cpu(),
    }
    command = [fairseq_tool("fairseq-generate"), str(folder / DATA)]

    def keep() -> None:
        write_lines(run.hypotheses(test_set.name), hypotheses_of(output, len(references)))

    flags = to_flags({**options, **run.experiment.generate, **test_set.options})
    return Job(run.name, command + flags, output, keep)


def _score(runs: list[Run], folder: Path) -> None:
    """Score all runs of a seed together, so that each is tested against that seed's baseline."""
    experiment = runs[0].experiment
    scores: dict[str, dict[str, object]] = {run.name: {} for run in runs}
    for test_set in [test_set.name for test_set in experiment.test_sets]:
        references = read_lines(folder / "corpus" / f"{test_set}.{experiment.languages.target}")
        for seed in experiment.seeds:
            group = {run.system.name: run for run in runs if run.seed == seed}
            hypotheses = {
                name: run.hypotheses(test_set).read_text("utf-8").split("\n")[:-1]
                for name, run in group.items()
            }
            for name, result in score(hypotheses, references, experiment.baseline).items():
                scores[group[name].name][test_set] = dataclasses.asdict(result)
    for run in runs:
        write_json(run.folder / "scores.json", scores[run.name])
