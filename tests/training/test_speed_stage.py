"""Speeds measured side by side, of systems that were trained by real fairseq."""

import dataclasses

import pytest

from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.files import read_json
from fairseq_sharing.training import speed
from fairseq_sharing.training.speed_stage import is_measured, measure_speed
from fairseq_sharing.training.train import train


@pytest.fixture(scope="module")
def in_twos(tiny):
    """The tiny experiment, two batches an update."""
    options = {**tiny.train, "max-update": 4, "max-tokens": 300, "update-freq": 2}
    return dataclasses.replace(tiny, train=options)


@pytest.fixture(scope="module")
def trained(in_twos, own_text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed") / "tiny"
    prepare(in_twos, folder, own_text)
    train(in_twos, folder)
    return folder


def test_systems_that_were_measured_before_take_turns_again(in_twos, trained):
    vanilla, deep = (in_twos.select([name]) for name in ("vanilla", "cycle rev"))
    measure_speed(vanilla, trained)
    assert read_json(trained / "speed.json").keys() == {"vanilla"}
    measure_speed(deep, trained)
    measured = read_json(trained / "speed.json")
    assert measured.keys() == {"vanilla", "cycle rev"}
    for experiment in (in_twos, vanilla, dataclasses.replace(in_twos, seeds=(1, 2))):
        assert is_measured(runs_of(experiment, trained), trained)
        measure_speed(experiment, trained)
    assert read_json(trained / "speed.json") == measured


def test_an_update_takes_as_many_batches_as_in_the_training(trained):
    contender = speed.Contender(speed._arguments(trained / "vanilla" / "command.txt"))
    passes = []
    contender.trainer.model.register_forward_hook(lambda *_: passes.append(1))
    contender.take_turn(contender.batches(3))
    assert len(passes) == 3 * 2
