"""Whether two systems differ by more than the choice of test segments explains."""

from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from ..evaluation.scoring import p_value

TESTS = {"bs": "paired bootstrap", "ar": "approximate randomisation"}


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
