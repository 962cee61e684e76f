"""Likelihood of a test set under a language model: fairseq-eval-lm's command and its output."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ..commands.jobs import Job
from ..commands.tools import fairseq_tool
from ..corpus.binarised import paths_of, sizes_of
from ..corpus.parallel_text import stream_lines
from ..corpus.prepare import DATA
from ..corpus.samples import Samples
from ..corpus.subwords import SEGMENTATIONS
from ..errors import SharingError
from ..experiment.experiment import Options, TestSet, to_flags
from ..experiment.positions import DEFAULT as POSITIONS
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256, write_lines
from ..training.command import on_cpu, task_options, user_dir
from .averaging import decoded_checkpoint
from .decoding import subset_of
from .outputs import output_stage, own_options
from .perplexity import line_losses

SAMPLE = "tokens-per-sample"
OF_TASK = (SAMPLE, "sample-break-mode", "add-bos-token")
"""Options of a training that the evaluation has as well, unless it is given others."""


def command(run: Run, number: int, folder: Path, *, cpu: bool, fp16: bool = False) -> list[str]:
    """The fairseq-eval-lm command for the experiment's test set of that number, from 0.

    Every token is scored, which without a batch multiple of 1 it would not be.
    """
    experiment, test_set = run.experiment, run.experiment.test_sets[number]
    given = {
        **task_options(experiment),
        "user-dir": user_dir(),
        "path": decoded_checkpoint(run),
        "gen-subset": subset_of(number),
        "output-word-probs": True,
        "required-batch-size-multiple": 1,
        "num-workers": 0,
        "cpu": cpu,
        "fp16": fp16,
    }
    own = own_options(run, test_set, given)
    trained = _of_task(run)
    _check_samples(run, test_set, {**trained, **own})
    flags = to_flags({"no-progress-bar": True, **given, **trained, **own})
    return [fairseq_tool("fairseq-eval-lm"), str(folder / DATA), *flags]


def _of_task(run: Run) -> dict[str, Any]:
    return {name: run.options[name] for name in OF_TASK if name in run.options}


def _check_samples(run: Run, test_set: TestSet, options: Options) -> None:
    """Raise SharingError for samples that the model does not take, or that are context alone.

    fairseq-eval-lm would silently leave out the ones and end in a traceback for the others.
    """
    sample = options.get(SAMPLE, POSITIONS)
    longest = run.options.get("max-target-positions", run.options.get(SAMPLE, POSITIONS))
    window = options.get("context-window", 0)
    if not all(type(number) is int for number in (sample, longest, window)):
        return  # the parser of fairseq-eval-lm says what is no number
    if sample > longest:
        raise SharingError(
            f"test set {test_set.name}: {SAMPLE} = {sample} is more than the {longest} tokens that "
            f"{run.name} takes ([train] max-target-positions or {SAMPLE}): give at most as many"
        )
    if window >= sample:
        raise SharingError(
            f"test set {test_set.name}: context-window = {window} leaves nothing to score of the "
            f"{sample} tokens of {SAMPLE}: give less"
        )


def check_lengths(run: Run, number: int, folder: Path) -> None:
    """Raise SharingError for a line of a test set, or a sample, that cannot be scored whole."""
    test_set = run.experiment.test_sets[number]
    own = {**_of_task(run), **run.experiment.generate, **test_set.options}
    (data,) = paths_of(folder / DATA, subset_of(number), run.experiment)
    sizes, samples = sizes_of(data), Samples.of(run.options, own)
    samples.refuse_too_long(test_set.name, sizes)
    tokens, most = samples.tokens - int(own.get("context-window", 0)), int(own.get("max-tokens", 0))
    dataclasses.replace(samples, tokens=tokens).refuse_small_batches(
        "fairseq-eval-lm", test_set.name, sizes, "[generate] max-tokens", most
    )


def waiting_jobs(run: Run, folder: Path, *, fp16: bool) -> list[Job]:
    """A job for each test set that was not scored with this checkpoint and these options.

    Each leaves losses.NAME.txt and a record of its own, so that an interruption loses one set.
    """
    experiment, checkpoint = run.experiment, sha256(decoded_checkpoint(run))
    jobs = []
    for number, test_set in enumerate(experiment.test_sets):
        (data,) = paths_of(folder / DATA, subset_of(number), experiment)
        words = command(run, number, folder, cpu=on_cpu(), fp16=fp16)
        output = losses_of(run, test_set.name)
        stage = output_stage(run, test_set, output, checkpoint=checkpoint, data=data, fp16=fp16)
        if not stage.is_finished():
            jobs.append(_evaluation(run, test_set, words, folder, stage))
    return jobs


def _evaluation(run: Run, test_set: TestSet, words: list[str], folder: Path, stage: Stage) -> Job:
    log = run.folder / f"evaluate.{test_set.name}.log"
    log.unlink(missing_ok=True)

    def keep() -> None:
        lines = list(stream_lines(in_tokens(run, test_set.name, folder)))
        losses = line_losses(log.read_bytes().decode("utf-8"), lines)
        write_lines(losses_of(run, test_set.name), [repr(float(loss)) for loss in losses])
        stage.finish()
        print(f"evaluated {test_set.name} by {run.name}: {len(lines)} lines")

    return Job(f"{run.name}, {test_set.name}", words, log, keep)


def output_of(run: Run, test_set: str) -> tuple[str, Path]:
    """What a score's record calls the losses of a test set, and their file."""
    return "losses", losses_of(run, test_set)


def in_tokens(run: Run, test_set: str, folder: Path) -> Path:
    """A test set as the model reads it, in subwords, a line for each of its lines."""
    cut = folder / SEGMENTATIONS[run.experiment.data.segmentation].MODEL.parent
    return cut / f"{test_set}.{run.experiment.languages.source}"


def losses_of(run: Run, test_set: str) -> Path:
    """Minus the logarithm of each line's probability."""
    return run.folder / f"losses.{test_set}.txt"


def read_losses(run: Run, test_set: str) -> np.ndarray:
    """The losses in that file, (L,); SharingError unless it has one for each line of the set."""
    path = losses_of(run, test_set)
    expected = sum(1 for _ in stream_lines(in_tokens(run, test_set, run.folder.parent)))
    try:
        losses = np.array([float(line) for line in stream_lines(path)])
    except ValueError:
        losses = np.array([])
    if len(losses) != expected:
        raise SharingError(
            f"{path} does not have a number for each of the {expected:,} lines of {test_set}: "
            "remove it, then run fairseq-sharing evaluate again"
        )
    return losses
