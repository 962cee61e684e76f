"""Whether two systems differ by more than the choice of test segments or documents explains."""

from collections.abc import Callable, Mapping

from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from ..errors import SharingError
from ..evaluation.language_models import compared
from ..evaluation.scoring import p_value
from ..experiment.bleu import bleu_of
from .collect import read_test_sets
from .trainings import Training

TESTS = {"bs": "paired bootstrap", "ar": "approximate randomisation"}


Tester = Callable[[Training, Mapping[str, Training]], dict[str, float | None]]
"""The p-value of each training of a name against a baseline of the same seed."""


def tester(training: Training, test: str) -> Tester:
    """The test of an experiment's kind; test is a key of TESTS.

    training is any of those to test: the references are taken from beside it.
    """
    experiment = training.run.experiment
    if not experiment.models.translates:
        if test != "bs":
            raise SharingError(f"--test {test}: perplexities are tested by bs, {TESTS['bs']}")
        return _of_perplexities
    references = read_test_sets(training, experiment.languages.target)
    bleu = bleu_of(experiment)

    def of_translations(
        baseline: Training, others: Mapping[str, Training]
    ) -> dict[str, float | None]:
        hypotheses = {name: training.translations for name, training in others.items()}
        return p_values(baseline.translations, hypotheses, references, test, bleu)

    return of_translations


def _of_perplexities(baseline: Training, others: Mapping[str, Training]) -> dict[str, float | None]:
    """On the documents of all test sets together."""
    test_sets = baseline.run.experiment.test_sets
    runs = {name: training.run for name, training in others.items()}
    found = compared({"": baseline.run, **runs}, test_sets, "")
    return {name: found[name].p_value for name in others}


def p_values(
    baseline: list[str],
    others: dict[str, list[str]],
    references: list[str],
    test: str,
    bleu: BLEU,
) -> dict[str, float | None]:
    """sacreBLEU's p-value of each of the others against the baseline; None where it gives none.

    All lists hold the same segments; test is a key of TESTS, with sacreBLEU's number of samples.
    Outputs of several trainings of a system do not belong in one list: their segments are the same
    ones again, and the test would take them for independent.
    """
    if not others:
        return {}
    systems = [("", baseline), *others.items()]
    _, results = PairedTest(systems, {"BLEU": bleu}, [references], test_type=test)()
    of_baseline, *of_others = results["BLEU"]
    return {
        name: p_value(result, of_baseline) for name, result in zip(others, of_others, strict=True)
    }
