"""What an experiment's kind makes of a model and a test set, and how that is scored."""

from types import ModuleType

from ..experiment.experiment import Experiment
from ..experiment.kinds import LANGUAGE_MODEL, TRANSLATION
from . import decoding, language_models, likelihoods, translations

_OUTPUTS: dict[str, ModuleType] = {TRANSLATION.name: decoding, LANGUAGE_MODEL.name: likelihoods}
_SCORES: dict[str, ModuleType] = {
    TRANSLATION.name: translations,
    LANGUAGE_MODEL.name: language_models,
}


def outputs_of(experiment: Experiment) -> ModuleType:
    """A module with ``command`` and ``waiting_jobs``: what is scored of a run."""
    return _OUTPUTS[experiment.kind]


def scores_of(experiment: Experiment) -> ModuleType:
    """A module with ``check_test_sets``, ``scores`` and ``scoring``, the stage of a run."""
    return _SCORES[experiment.kind]
