"""Refuses to put runs in one table that were not trained, decoded and scored on the same text."""

from itertools import zip_longest

from ..errors import SharingError
from ..experiment.bleu import NAMED, bleu_of
from ..experiment.experiment import settings_of
from ..experiment.runs import Run
from .collect import read_corpus
from .records import manifest_of
from .trainings import Training


def require_comparable(trainings: list[Training]) -> None:
    """Raise SharingError, naming two runs and how they differ, unless all are of the same text.

    Also raises it where scores are not by the tokeniser that the experiment asks for.
    """
    first = trainings[0].run
    checked = {first.folder.parent}
    for run in [training.run for training in trainings[1:]]:
        _require_same(first, run, "kind", first.experiment.kind, run.experiment.kind)
        _require_same(first, run, "languages", _languages(first), _languages(run))
        _require_same(first, run, "test sets", _test_sets(first), _test_sets(run))
        if first.experiment.models.translates:
            tokenizers = [bleu_of(r.experiment).tokenizer_signature for r in (first, run)]
            _require_same(first, run, NAMED, *tokenizers)
        _require_same_data(first, run)
        if run.folder.parent not in checked:
            checked.add(run.folder.parent)
            _require_same_text(first, run)
    for training in trainings:
        _require_tokenizer(training)


def _require_tokenizer(training: Training) -> None:
    """Check that every score of a training is by the tokeniser of its experiment."""
    if not training.run.experiment.models.translates:
        return
    wanted = bleu_of(training.run.experiment).tokenizer_signature
    for name, score in training.scores.items():
        if f"|tok:{wanted}|" not in score.bleu_signature:
            raise SharingError(
                f"{training.run.folder}: BLEU on {name} is {score.bleu_signature}, and the "
                f"experiment asks for tok:{wanted}: run fairseq-sharing evaluate again"
            )


def _require_same_data(one: Run, other: Run) -> None:
    """Compare the records of both training texts, key by key."""
    settings = [settings_of(run.experiment.data) for run in (one, other)]
    for key in sorted(settings[0].keys() | settings[1].keys()):
        values = [part.get(key) for part in settings]
        _require_same(one, other, f"training data, {key}", *values)
    origins = [manifest_of(run).get("origin") for run in (one, other)]
    if None not in origins:
        _require_same(one, other, "origin of the training data", *origins)


def _require_same(one: Run, other: Run, what: str, of_one: object, of_other: object) -> None:
    if of_one != of_other:
        raise SharingError(
            f"{one.folder} and {other.folder} do not compare: {what}: {of_one} and {of_other}; "
            "report them apart"
        )


def _require_same_text(one: Run, other: Run) -> None:
    """Check that segments and references of every test set are equal, line by line."""
    for test_set in one.experiment.test_sets:
        for language in _languages(one):
            sides = [read_corpus(run, test_set.name, language) for run in (one, other)]
            for number, (of_one, of_other) in enumerate(zip_longest(*sides), 1):
                what = f"{test_set.name}.{language}, line {number}"
                _require_same(one, other, what, of_one, of_other)


def _languages(run: Run) -> tuple[str, ...]:
    return run.experiment.read_languages


def _test_sets(run: Run) -> str:
    return ", ".join(test_set.name for test_set in run.experiment.test_sets)
