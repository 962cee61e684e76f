"""What decoding translations and scoring texts have in common: their options and their records."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..experiment.experiment import Options, TestSet
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256


def own_options(run: Run, test_set: TestSet, given: Mapping[str, Any]) -> Options:
    """The options of the experiment for a test set; SharingError if one is ``given`` already."""
    own = {**run.experiment.generate, **test_set.options}
    for name in given.keys() & own.keys():
        raise SharingError(
            f"test set {test_set.name}: the option '{name}' is set by the pipeline; remove it from "
            "[generate] and from the test set's options"
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
