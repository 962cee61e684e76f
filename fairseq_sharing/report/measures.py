"""What systems are compared by: BLEU and chrF of translations, perplexity of language models."""

from dataclasses import dataclass
from typing import Any

from ..evaluation.perplexity import Perplexity
from ..evaluation.scoring import Score
from ..experiment.experiment import Experiment
from ..experiment.kinds import LANGUAGE_MODEL, TRANSLATION


@dataclass(frozen=True)
class Measure:
    """A figure of a score: its column, its field, and whether less of it is better."""

    name: str
    field: str
    decimals: int = 1
    less_is_better: bool = False

    def of(self, score: Any) -> float:
        """Its value in a Score or a Perplexity."""
        return getattr(score, self.field)

    def interval(self, score: Any) -> float | None:
        """Half of its 95 % interval, if there is one."""
        return getattr(score, f"{self.field}_interval")


@dataclass(frozen=True)
class Measures:
    """How scores of a kind are kept, the measure that decides, and a second one."""

    score: type[Any]
    main: Measure
    second: Measure


OF_KIND = {
    TRANSLATION.name: Measures(Score, Measure("BLEU", "bleu"), Measure("chrF", "chrf")),
    LANGUAGE_MODEL.name: Measures(
        Perplexity,
        Measure("perplexity", "perplexity", 2, less_is_better=True),
        Measure("a word", "word_perplexity", 2, less_is_better=True),
    ),
}


def measures_of(experiment: Experiment) -> Measures:
    """Those that an experiment's kind is compared by."""
    return OF_KIND[experiment.kind]
