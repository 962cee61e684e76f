"""What decoding translations and scoring texts have in common: their options and their records."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..experiment.experiment import Options, TestSet
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256

_A_PART = "no score is given for a part of a test set"
_NOT_PRINTED = "what is scored is read from what the command prints"
NOT_SCORED = {
    "num-shards": _A_PART,
    "shard-id": _A_PART,
    "skip-invalid-size-inputs-valid-test": _A_PART,
    "quiet": _NOT_PRINTED,
    "results-path": _NOT_PRINTED,
    "score-reference": "it prints the references in place of translations",
    "prefix-size": "it begins each translation with words of its reference",
    "post-process": "[data] segmentation says how subwords are joined",
}
"""Options with which the output is not what the model makes of the whole test set, and why."""

SCORE = "score"
"""The stage that scores a run's outputs of all test sets."""


def own_options(run: Run, test_set: TestSet, given: Mapping[str, Any]) -> Options:
    """The options of the experiment for a test set.

    Raises SharingError for one that is ``given`` already, and for those in NOT_SCORED.
    """
    own = {**run.experiment.generate, **test_set.options}
    reasons = NOT_SCORED | dict.fromkeys(given, "")
    for name in sorted(reasons.keys() & own.keys()):
        reason = f" ({reasons[name]})" if reasons[name] else ""
        raise SharingError(
            f"test set {test_set.name}: the option '{name}' is set by the pipeline{reason}; remove "
            "it from [generate] and from the test set's options"
        )
    return own


def output_stage(
    run: Run, test_set: TestSet, output: Path, *, checkpoint: str, data: Path, fp16: bool
) -> Stage:
    """The record of a test set's output by a checkpoint, given by its SHA-256.

    ``data`` is the test set in fairseq's form, without .bin or .idx.
    """
    settings = {
        "generate": {**run.experiment.generate, **test_set.options, "fp16": fp16},
        "checkpoint": checkpoint,
        "data": sha256(data.with_name(data.name + ".bin")),
    }
    return Stage(run.folder, f"decode.{test_set.name}", settings, (output,))
