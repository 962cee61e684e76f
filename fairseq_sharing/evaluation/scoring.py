"""BLEU and chrF with their intervals and paired bootstrap tests, all from sacreBLEU."""

import logging
from dataclasses import dataclass

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest, Result

from ..errors import SharingError

RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """One system on one test set: scores, half-widths of 95 % intervals, p against the baseline."""

    bleu: float
    bleu_interval: float
    chrf: float
    chrf_interval: float
    p_value: float | None
    baseline: str
    segments: int
    bleu_signature: str
    chrf_signature: str


def score(
    hypotheses: dict[str, list[str]], references: list[str], baseline: str, bleu: BLEU
) -> dict[str, Score]:
    """Score systems against the same references and test each against the baseline's output.

    bleu is sacreBLEU's with the tokeniser of the target language; chrF needs none.
    Raises SharingError when a system has another number of lines than the references.
    """
    for name, lines in hypotheses.items():
        if len(lines) != len(references):
            raise SharingError(
                f"{name} has {len(lines)} hypotheses for {len(references)} references: "
                "decode the whole test set again"
            )
    names = sorted(hypotheses, key=lambda name: name != baseline)
    logging.getLogger("sacrebleu").setLevel(logging.WARNING)
    test = PairedTest(
        [(name, hypotheses[name]) for name in names],
        {"BLEU": bleu, "chrF": CHRF()},
        [references],
        test_type="bs",
        n_samples=RESAMPLES,
    )
    signatures, results = test()
    bleu_name, chrf_name = signatures
    return {
        name: Score(
            bleu=float(by_bleu.score),
            bleu_interval=float(by_bleu.ci),
            chrf=float(by_chrf.score),
            chrf_interval=float(by_chrf.ci),
            p_value=p_value(by_bleu, results[bleu_name][0]),
            baseline=baseline,
            segments=len(references),
            bleu_signature=str(signatures[bleu_name]),
            chrf_signature=str(signatures[chrf_name]),
        )
        for name, by_bleu, by_chrf in zip(
            names, results[bleu_name], results[chrf_name], strict=True
        )
    }


def p_value(result: Result, baseline: Result) -> float | None:
    """sacreBLEU's p-value, but 1 for equal scores, where sacreBLEU reports a sure difference."""
    return 1.0 if result is not baseline and result.score == baseline.score else result.p_value
