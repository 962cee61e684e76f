"""The most tokens that models take of a segment, the same from the corpus to decoding."""

from typing import NamedTuple

from .experiment import Experiment, Options

DEFAULT = 1024
"""fairseq's, for its models and its translation task."""

OPTIONS = ("max-source-positions", "max-target-positions")


class Positions(NamedTuple):
    """Of the encoder and of the decoder, in tokens; the end of the sentence is one of them."""

    source: int = DEFAULT
    target: int = DEFAULT


def positions_of(options: Options) -> Positions:
    """Those of fairseq-train's options."""
    return Positions(*(options.get(name, DEFAULT) for name in OPTIONS))


def common_positions(experiment: Experiment) -> Positions:
    """What every system of an experiment takes, so that all are trained on the same pairs."""
    each = [positions_of({**experiment.train, **system.options}) for system in experiment.systems]
    return Positions(*map(min, zip(*each, strict=True)))
