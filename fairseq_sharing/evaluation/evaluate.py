"""The third stage: every system decodes every test set with fairseq-generate and is scored."""

import dataclasses
from pathlib import Path

import torch
from sacrebleu.metrics import BLEU

from ..commands.jobs import run_jobs
from ..commands.parsing import read_command
from ..commands.places import places_here
from ..corpus.binarised import lengths_of, refuse_small_batches, refuse_too_long
from ..corpus.parallel_text import read_lines
from ..corpus.prepare import DATA, require_prepared
from ..errors import SharingError
from ..experiment.bleu import bleu_of
from ..experiment.experiment import Experiment
from ..experiment.positions import positions_of
from ..experiment.runs import Run, require_baseline, runs_of
from ..experiment.stages import Stage
from ..files import exclusive, sha256, write_json
from ..training.command import on_cpu
from .averaging import average_epochs
from .comet import comet_tool, score_with_comet
from .decoding import (
    decoding_command,
    read_hypotheses,
    references_of,
    subset_of,
    waiting_decodings,
)
from .scoring import score


def evaluate(
    experiment: Experiment,
    folder: Path,
    *,
    fp16: bool = False,
    jobs: int | None = None,
    comet: Path | None = None,
) -> None:
    """Write hypotheses and scores beside each system's checkpoints, unless they are there.

    fp16 decodes in half precision, on a GPU only. jobs is how many decodings share each GPU, or on
    a machine without how many run altogether. comet is a Python that has unbabel-comet, for scores
    by COMET as well. Every segment is decoded and scored; fairseq-generate returning another
    number is an error.
    """
    require_baseline(experiment)
    if fp16 and not torch.cuda.is_available():
        raise SharingError("--fp16 needs a GPU, and there is none: leave it out")
    tool = comet_tool(comet) if comet else None
    bleu_of(experiment)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    for run in runs:
        _require_checkpoint(run)
    _check_segments(runs, folder)
    for number, test_set in enumerate(experiment.test_sets):
        command = decoding_command(runs[0], number, folder, cpu=on_cpu(), fp16=fp16)
        read_command(test_set.name, command)
    with exclusive(folder) as lock:
        for run in runs:
            average_epochs(run)
        decodings = [job for run in runs for job in waiting_decodings(run, folder, fp16=fp16)]
        run_jobs(decodings, places_here(jobs=jobs), lock)
        for seed in experiment.seeds:
            _score([run for run in runs if run.seed == seed], folder)
        if tool:
            score_with_comet(runs, folder, tool, lock)


def _require_checkpoint(run: Run) -> None:
    run.training.refuse_changes()
    if not run.training.is_finished():
        raise SharingError(
            f"{run.name} has no finished training in {run.folder} (expected {run.checkpoint}): "
            "run fairseq-sharing train first, or leave it out with --systems"
        )


def _check_segments(runs: list[Run], folder: Path) -> None:
    """Raise SharingError unless each test set has a reference for every segment to decode.

    And unless every model and a batch of fairseq-generate take the longest of them.
    """
    experiment = runs[0].experiment
    languages = experiment.languages.source, experiment.languages.target
    for number, test_set in enumerate(experiment.test_sets):
        lengths = lengths_of(folder / DATA, subset_of(number), languages)
        for positions in {positions_of(run.options) for run in runs}:
            refuse_too_long(test_set.name, lengths, positions)
        batch = {**experiment.generate, **test_set.options}.get("max-tokens")
        refuse_small_batches(
            "fairseq-generate", test_set.name, lengths, positions, "[generate] max-tokens", batch
        )
        segments = lengths.shape[1]
        path = references_of(experiment, test_set, folder)
        lines = len(read_lines(path))
        if lines != segments:
            raise SharingError(
                f"test set {test_set.name} has {segments} segments to decode and {lines} lines in "
                f"{path}: run fairseq-sharing prepare again in a new folder"
            )


def _score(runs: list[Run], folder: Path) -> None:
    """Write scores.json of a seed's runs, each tested against that seed's baseline."""
    experiment = runs[0].experiment
    baseline = next(run for run in runs if run.system.name == experiment.baseline)
    stages = [_scoring(run, baseline, folder) for run in runs]
    if all(stage.is_finished() for stage in stages):
        return
    scores: dict[str, dict[str, object]] = {run.system.name: {} for run in runs}
    for test_set in experiment.test_sets:
        hypotheses = {run.system.name: read_hypotheses(run, test_set.name) for run in runs}
        references = read_lines(references_of(experiment, test_set, folder))
        for name, result in score(
            hypotheses, references, experiment.baseline, bleu_of(experiment)
        ).items():
            scores[name][test_set.name] = dataclasses.asdict(result)
    for run, stage in zip(runs, stages, strict=True):
        write_json(run.folder / "scores.json", scores[run.system.name])
        stage.finish()


def _scoring(run: Run, baseline: Run, folder: Path) -> Stage:
    """The scores of a run, which depend on translations, references and BLEU's tokeniser."""
    tokenizer = bleu_of(run.experiment).tokenizer_signature
    named = {} if tokenizer == BLEU.TOKENIZER_DEFAULT else {"tokenizer": tokenizer}
    settings = {
        test_set.name: {
            "hypotheses": sha256(run.hypotheses(test_set.name)),
            "baseline": sha256(baseline.hypotheses(test_set.name)),
            "references": sha256(references_of(run.experiment, test_set, folder)),
            **named,
        }
        for test_set in run.experiment.test_sets
    }
    return Stage(run.folder, "score", settings, (run.folder / "scores.json",))
