"""What an experiment's kind makes of a model and a test set, and how that is scored."""

from types import ModuleType

from ..errors import SharingError
from ..experiment.experiment import Experiment
from ..experiment.kinds import LANGUAGE_MODEL, TRANSLATION
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import digest
from . import decoding, language_models, likelihoods, translations
from .outputs import SCORE

_OUTPUTS: dict[str, ModuleType] = {TRANSLATION.name: decoding, LANGUAGE_MODEL.name: likelihoods}
_SCORES: dict[str, ModuleType] = {
    TRANSLATION.name: translations,
    LANGUAGE_MODEL.name: language_models,
}


def outputs_of(experiment: Experiment) -> ModuleType:
    """A module with ``command``, ``waiting_jobs`` and ``output_of``: what is scored of a run."""
    return _OUTPUTS[experiment.kind]


def scores_of(experiment: Experiment) -> ModuleType:
    """A module with ``check_test_sets``, ``scores`` and ``scoring``, the stage of a run."""
    return _SCORES[experiment.kind]


def require_scored(run: Run) -> None:
    """Raise SharingError if a test set's output is another one than its score is of."""
    recorded = Stage(run.folder, SCORE, {}).recorded() or {}
    for test_set in run.experiment.test_sets:
        name, path = outputs_of(run.experiment).output_of(run, test_set.name)
        scored = recorded.get(test_set.name, {}).get(name)
        if scored and path.exists() and digest(path) != scored:
            raise SharingError(
                f"{path} is not what the score beside it is of: run fairseq-sharing evaluate again"
            )
