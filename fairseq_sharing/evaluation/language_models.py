"""Scores of language models on a test set: perplexity by token and by word."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..corpus.parallel_text import read_lines, stream_lines
from ..errors import SharingError
from ..experiment.experiment import TestSet
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256
from .likelihoods import check_lengths, in_tokens, losses_of, read_losses
from .outputs import SCORE
from .perplexity import Perplexity, perplexities


def check_test_sets(runs: list[Run], folder: Path) -> None:
    """Raise SharingError unless each test set has a text, and a document for each of its lines.

    Its lines also have to fit into every model, and its samples into a batch of fairseq-eval-lm.
    """
    for number, test_set in enumerate(runs[0].experiment.test_sets):
        for run in runs:
            check_lengths(run, number, folder)
        text, documents = _text(runs[0], test_set, folder), _documents(test_set, folder)
        if len(read_lines(text)) != len(list(stream_lines(documents))):
            raise SharingError(
                f"test set {test_set.name}: {text} and {documents} have not as many lines: run "
                "fairseq-sharing prepare again in a new folder"
            )


def scores(runs: list[Run], folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    """By system and test set, of one seed's runs, each tested against that seed's baseline."""
    experiment = runs[0].experiment
    found: dict[str, dict[str, dict[str, object]]] = {run.system.name: {} for run in runs}
    for test_set in experiment.test_sets:
        by_name = {run.system.name: run for run in runs}
        for name, result in compared(by_name, [test_set], experiment.baseline).items():
            found[name][test_set.name] = dataclasses.asdict(result)
    return found


def compared(
    runs: dict[str, Run], test_sets: Sequence[TestSet], baseline: str
) -> dict[str, Perplexity]:
    """Perplexities of runs on test sets that all have, taken together as one text.

    Each is tested against the run of the baseline's name.
    """
    run = next(iter(runs.values()))
    folder = run.folder.parent
    names = [
        (test_set.name, document)
        for test_set in test_sets
        for document in stream_lines(_documents(test_set, folder))
    ]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return perplexities(
        {
            name: np.concatenate([read_losses(one, test_set.name) for test_set in test_sets])
            for name, one in runs.items()
        },
        _lengths(in_tokens(run, test_set.name, folder) for test_set in test_sets),
        _lengths(_text(run, test_set, folder) for test_set in test_sets),
        [numbers[name] for name in names],
        baseline,
    )


def scoring(run: Run, baseline: Run, folder: Path) -> Stage:
    """The scores of a run, which depend on what it and the baseline give each line."""
    settings = {
        test_set.name: {
            "losses": sha256(losses_of(run, test_set.name)),
            "baseline": sha256(losses_of(baseline, test_set.name)),
            "text": sha256(_text(run, test_set, folder)),
            "documents": sha256(_documents(test_set, folder)),
        }
        for test_set in run.experiment.test_sets
    }
    return Stage(run.folder, SCORE, settings, (run.folder / "scores.json",))


def _text(run: Run, test_set: TestSet, folder: Path) -> Path:
    return folder / "corpus" / f"{test_set.name}.{run.experiment.languages.source}"


def _documents(test_set: TestSet, folder: Path) -> Path:
    return folder / "corpus" / f"{test_set.name}.documents"


def _lengths(paths: Iterable[Path]) -> list[int]:
    """The number of words of each line of the files, its end included."""
    return [len(line.split()) + 1 for path in paths for line in stream_lines(path)]
