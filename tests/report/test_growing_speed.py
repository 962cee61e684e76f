"""The speed of a training whose depth grows is that of all its parts."""

import pytest
import torch
from planted_runs import EXPERIMENT, plant

from fairseq_sharing.files import write_json
from fairseq_sharing.model.growth import running_positions
from fairseq_sharing.report.collect import find_runs, read_training
from fairseq_sharing.report.speeds import minutes, relative_speed
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import results

GROWING = EXPERIMENT.replace("layers = 12", "layers = 12\ngrow_depth_at = [0.5]")
LINE = '| INFO | train_inner | {{"wps": "{ups}00", "ups": "{ups}", "num_updates": "{updates}"}}\n'


@pytest.fixture
def pair(tmp_path):
    """The baseline's training and one of 100 updates that grows after 50, by their folders."""
    runs = plant(tmp_path / "own", GROWING)
    for run in runs:
        with run.log.open("a") as log:
            log.write(LINE.format(ups=8 if run.system.name == "base" else 2, updates=100))
    return runs[0], runs[2]


def trainings(pair):
    return [read_training(run) for run in pair]


def test_the_log_has_a_speed_for_each_depth(pair):
    """50 updates at 4 a second and 50 at 2; the baseline makes 8 a second."""
    base, grown = trainings(pair)
    assert grown.seconds(100) == 50 / 4 + 50 / 2
    assert grown.updates_per_second == pytest.approx(100 / 37.5)
    assert grown.tokens_per_second == pytest.approx(100 * 100 / 37.5)
    assert relative_speed(grown, base).value == pytest.approx(100 / 37.5 / 8)
    assert [minutes(grown, at) for at in (0, 25, 50, 75)] == [
        pytest.approx(seconds / 60) for seconds in (0, 6.25, 12.5, 25)
    ]


def test_what_was_measured_beside_the_others_goes_before(pair):
    speeds = {"base": {"0": 10}, "deep_rev": {"0": 10, "50": 5}}
    write_json(pair[0].folder.parent / "speed.json", speeds)
    base, grown = trainings(pair)
    assert base.updates_per_second == 10
    assert grown.updates_per_second == pytest.approx(100 / 15)
    assert minutes(grown, 75) == pytest.approx(10 / 60)
    assert relative_speed(grown, base).value == pytest.approx(10 / 15)
    table = results(summarise(find_runs([pair[0].folder.parent])))
    assert [row[4] for row in table.rows] == ["x1.00", "x0.67"]


def test_one_number_a_system_is_still_read(pair):
    write_json(pair[0].folder.parent / "speed.json", {"base": 10, "deep_rev": 5})
    base, grown = trainings(pair)
    assert minutes(base, 50) == pytest.approx(5 / 60)
    assert minutes(grown, 50) == pytest.approx(10 / 60)
    assert grown.seconds(100) == 50 / 5 + 50 / 2  # of the second part only the log knows


def test_a_part_that_no_line_of_the_log_is_about_has_no_speed(pair):
    grown = pair[1]
    grown.log.write_text("".join(grown.log.read_text().splitlines(True)[:-1]))
    training = trainings(pair)[1]
    assert training.updates_per_second is None
    assert minutes(training, 100) is None
    assert minutes(training, 40) == pytest.approx(10 / 60)


@pytest.mark.parametrize(("updates", "layers"), [(50, "6 of 12"), (51, "12")])
def test_a_training_that_stopped_has_the_depth_that_it_reached(pair, updates, layers):
    for path in pair[1].folder.parent.glob("deep_rev*/train.log"):
        path.write_text(path.read_text().replace('"100"', f'"{updates}"'))
    table = results(summarise(find_runs([pair[0].folder.parent])))
    early = f"stopped after {updates} of 100 updates"
    name, unique, depth, *_ = table.rows[1]
    assert name == f"deep_rev (seed 1 {early}, seed 2 {early})"
    assert (unique, depth) == ("6", layers)


@pytest.mark.parametrize(("running", "layers"), [(6, "6 of 12"), (12, "12")])
def test_the_depth_is_that_of_the_model_that_was_scored(pair, running, layers):
    """The best checkpoint of a training that grew may be from before."""
    entry = torch.zeros(12)
    entry[list(running_positions(pair[1].maps["decoder"].layers, running))] = 1
    state = {f"{side}.running_layers": entry for side in ("encoder", "decoder")}
    pair[1].checkpoint.parent.mkdir()
    torch.save({"model": state}, pair[1].checkpoint)
    table = results(summarise(find_runs([pair[0].folder.parent])))
    assert table.rows[1][:3] == ("deep_rev", "6", layers)
