"""The lengths in tokens that models take, on which corpus, training and decoding agree."""

from typing import NamedTuple

from .experiment import Experiment, Options

DEFAULT = 1024
"""fairseq's, for its models and its translation task."""

OPTIONS = ("max-source-positions", "max-target-positions")


class Positions(NamedTuple):
    """Maximal lengths of encoder and decoder, in tokens, end of sentence included."""

    source: int = DEFAULT
    target: int = DEFAULT


def positions_of(options: Options) -> Positions:
    """Those of fairseq-train's options."""
    return Positions(*(options.get(name, DEFAULT) for name in OPTIONS))


def common_positions(experiment: Experiment) -> Positions:
    """The smallest of all systems of an experiment, so that all are trained on the same pairs."""
    each = [positions_of({**experiment.train, **system.options}) for system in experiment.systems]
    return Positions(*map(min, zip(*each, strict=True)))
