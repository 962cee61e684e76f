"""Checks of what an experiment says of its data, before any work."""

from ..errors import SharingError
from .checks import check
from .experiment import Data, Experiment

SEGMENTATIONS = ("sentencepiece", "bpe", "words")
OF_TRANSLATIONS = ("sentencepiece", "bpe")
"""Those that a translation can be joined from again."""

CLEANING = ("max_words", "max_ratio", "identify_languages", "held_out_sets")
HELD_OUT = ("valid_segments", "test_segments")


def check_data(experiment: Experiment) -> None:
    """Raise SharingError for data that contradict each other, the models or the size of a batch."""
    data = experiment.data
    if data.verbatim:
        _check_verbatim(experiment)
    else:
        check(data.max_words is not None, "[data]: 'max_words' is missing")
    _check_sets(experiment)
    check(
        data.max_ratio is None or data.max_ratio >= 1,
        f"[data] max_ratio = {data.max_ratio} must be at least 1: words of the longer side for "
        "a word of the shorter",
    )
    check(
        data.character_coverage is None or 0.9 <= data.character_coverage <= 1,
        f"[data] character_coverage = {data.character_coverage} must be from 0.9 to 1.0: the part "
        "of the text's characters that get a piece, such as 0.9995",
    )
    segmentations = OF_TRANSLATIONS if experiment.models.translates else SEGMENTATIONS
    check(
        data.segmentation in segmentations,
        f"[data] segmentation = '{data.segmentation}': choose from {', '.join(segmentations)}",
    )
    check(
        experiment.batch_tokens is None or type(experiment.train.get("max-tokens")) is int,
        "batch_tokens needs [train] max-tokens, a whole number: what one device takes at a time",
    )


def _check_verbatim(experiment: Experiment) -> None:
    """Check that text is asked for as it is by a language model, and nothing that changes it."""
    check(
        not experiment.models.translates,
        "[data] verbatim = true is for language models; translations are cleaned: leave it out",
    )
    for name in CLEANING:
        _refuse(experiment.data, name, "so nothing is dropped: leave it out")
    for name in HELD_OUT:
        _refuse(
            experiment.data, name, "so nothing is held out: give valid_set and test sets an origin"
        )
    for test_set in experiment.test_sets:
        check(
            test_set.segments is None,
            f"test set '{test_set.name}': segments = {test_set.segments}: [data] verbatim = true "
            "takes sets whole: leave it out",
        )


def _refuse(data: Data, name: str, reason: str) -> None:
    value = getattr(data, name)
    if value:
        raise SharingError(
            f"[data] {name} = {value}: verbatim = true takes text as it is, {reason}"
        )


def _check_sets(experiment: Experiment) -> None:
    """Check that each set is either held out by number or named."""
    data = experiment.data
    check(
        (data.valid_segments is None) != (data.valid_set is None),
        "[data] needs either valid_segments, a number, or valid_set, where they are",
    )
    held_out = [test_set.name for test_set in experiment.test_sets if test_set.origin is None]
    check(
        (data.test_segments is not None) == bool(held_out) and len(held_out) <= 1,
        "[data] test_segments is the size of the one test set without an origin; there is "
        + (", ".join(held_out) or "none"),
    )
    for name in data.held_out_sets:
        check(
            name in data.sets,
            f"[data] held_out_sets has '{name}', which is none of sets: "
            + (", ".join(data.sets) or "name them"),
        )
    for test_set in experiment.test_sets:
        check(
            test_set.segments is None or test_set.origin is not None,
            f"test set '{test_set.name}': segments needs an origin; of one that is held out, "
            "[data] test_segments is the size",
        )
