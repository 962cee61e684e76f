"""The third stage: every system decodes every test set, or is asked how likely it is."""

from pathlib import Path

import torch

from ..commands.jobs import run_jobs
from ..commands.parsing import read_command
from ..commands.places import places_here
from ..corpus.prepare import require_prepared
from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.runs import Run, require_baseline, runs_of, save_run
from ..files import exclusive, write_json
from ..training.command import on_cpu
from .averaging import average_epochs
from .comet import comet_tool, score_with_comet
from .of_kind import outputs_of, scores_of


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
    a machine without GPUs how many run in all. comet is a Python that has unbabel-comet, for scores
    by COMET as well. Every segment is decoded and scored; fairseq-generate returning another number
    is an error.
    """
    require_baseline(experiment)
    if fp16 and not torch.cuda.is_available():
        raise SharingError("--fp16 needs a GPU, and there is none: leave it out")
    if comet and not experiment.models.translates:
        raise SharingError(f"--comet {comet}: a language model translates nothing; leave it out")
    tool = comet_tool(comet) if comet else None
    outputs, scored = outputs_of(experiment), scores_of(experiment)
    require_prepared(experiment, folder)
    runs = runs_of(experiment, folder)
    for run in runs:
        _require_checkpoint(run)
    for number, test_set in enumerate(experiment.test_sets):
        command = outputs.command(runs[0], number, folder, cpu=on_cpu(), fp16=fp16)
        read_command(test_set.name, command)
    scored.check_test_sets(runs, folder)
    with exclusive(folder) as lock:
        for run in runs:
            average_epochs(run)
        decodings = [job for run in runs for job in outputs.waiting_jobs(run, folder, fp16=fp16)]
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


def _score(runs: list[Run], folder: Path) -> None:
    """Write scores.json of a seed's runs, each tested against that seed's baseline."""
    scored = scores_of(runs[0].experiment)
    baseline = next(run for run in runs if run.system.name == run.experiment.baseline)
    stages = [scored.scoring(run, baseline, folder) for run in runs]
    if all(stage.is_finished() for stage in stages):
        return
    scores = scored.scores(runs, folder)
    for run, stage in zip(runs, stages, strict=True):
        write_json(run.folder / "scores.json", scores[run.system.name])
        save_run(run)  # a report reads from it what the scores are of
        stage.finish()
