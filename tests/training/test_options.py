"""Options that contradict what an experiment says elsewhere, before anything is trained."""

import dataclasses
import re
from argparse import Namespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.training.epochs import least_updates, require_epochs
from fairseq_sharing.training.options import read_options


def run_with(experiment, folder, **train):
    options = {name.replace("_", "-"): value for name, value in train.items()}
    changed = dataclasses.replace(experiment, train=experiment.train | options)
    return runs_of(changed, folder)[0]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"batch-size": 16}, r"batch-size = 16 .*: batch_tokens = 1200 is the size of an update"),
        ({"max-sentences": 16}, r"batch-size = 16 "),
        ({"cpu": False}, r"cpu = false .*--devices"),
        ({"distributed-world-size": 2}, r"distributed-world-size = 2 .*--devices"),
        ({"distributed-init-method": "tcp://a:1"}, r"distributed-init-method = tcp://a:1 .*"),
        ({"tpu": True}, r"tpu = true "),
        ({"no-save": True}, r"no-save = true .*nothing to resume"),
        ({"disable-validation": True}, r"disable-validation = true "),
    ],
)
def test_what_the_pipeline_decides_is_refused_under_any_name(batches, tmp_path, option, said):
    run = run_with(batches, tmp_path, **option)
    with pytest.raises(SharingError, match=rf"^system vanilla: {said}.*; remove it$"):
        read_options(run, tmp_path, Devices("cpu"))


def test_a_cpu_is_no_choice_where_there_is_a_gpu(batches, tmp_path):
    run = run_with(batches, tmp_path, cpu=True)
    with pytest.raises(SharingError, match=r"cpu = true .*--devices"):
        read_options(run, tmp_path, Devices("gpu", 2))


@pytest.mark.parametrize("devices", [Devices("cpu"), Devices("cpu", 2), Devices("gpu", 2)], ids=str)
@pytest.mark.parametrize("more", [{}, {"num_workers": 2}, {"ddp_backend": "legacy_ddp"}], ids=str)
def test_other_options_are_taken_as_they_are(batches, tmp_path, devices, more):
    args = read_options(run_with(batches, tmp_path, **more), tmp_path, devices)
    assert all(getattr(args, name) == value for name, value in more.items())


def test_a_batch_may_be_a_number_of_segments_where_its_tokens_are_not_said(tiny, tmp_path):
    run = run_with(tiny, tmp_path, batch_size=16)
    assert read_options(run, tmp_path, Devices("cpu")).batch_size == 16


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=50),
    st.integers(20, 60),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_no_epoch_has_fewer_updates_than_the_bound(sizes, max_tokens, freq, devices):
    """Whatever the order of pairs: batches that are filled as far as they go."""
    args = Namespace(max_tokens=max_tokens, batch_size=None, update_freq=[freq])
    batches, filled = 1, 0
    for size in sizes:
        if filled + size > max_tokens:
            batches, filled = batches + 1, 0
        filled += size
    updates = -(-batches // (freq * devices))
    assert least_updates(np.array(sizes), args, Devices("cpu", devices)) <= updates


def test_more_epochs_than_a_training_has_are_refused(batches, batches_prepared, tmp_path):
    data = batches_prepared / "tiny" / "data-bin"
    for epochs, max_update, refused in ((1, 12, False), (12, 12, True), (1, 1, True)):
        experiment = dataclasses.replace(batches, average_epochs=epochs)
        run = run_with(experiment, tmp_path, max_update=max_update)
        args = read_options(run, data, Devices("cpu"))
        if not refused:
            require_epochs(run, args, data, Devices("cpu"))
            continue
        with pytest.raises(SharingError, match=rf"average_epochs = {epochs}, but max-update"):
            require_epochs(run, args, data, Devices("cpu"))


def test_epochs_that_are_not_saved_or_are_of_another_depth_are_no_epochs(
    batches, batches_prepared, tmp_path
):
    data = batches_prepared / "tiny" / "data-bin"

    def most(experiment, said, **train):
        run = run_with(dataclasses.replace(experiment, average_epochs=99), tmp_path, **train)
        args = read_options(run, data, Devices("cpu"))
        with pytest.raises(SharingError, match=said) as refused:
            require_epochs(run, args, data, Devices("cpu"))
        return int(re.search(r"give at most (\d+)", str(refused.value))[1])

    every = most(batches, "average_epochs = 99", max_update=40)
    third = most(batches, "one in 3 is saved", max_update=40, save_interval=3)
    assert third == every // 3 > 0
    grown = dataclasses.replace(batches.systems[1], grow_depth_at=(999,))
    growing = dataclasses.replace(batches, systems=(grown,))
    assert most(growing, "its depth grows after update 999", max_update=1000) == 1


def test_plan_refuses_them_once_there_are_data(batches_file, batches_prepared, capsys, tmp_path):
    from fairseq_sharing.cli import main

    file = tmp_path / batches_file.name
    file.write_text("average_epochs = 999\n" + batches_file.read_text())
    assert main(["plan", str(file), "--summary"]) == 0
    capsys.readouterr()
    assert main(["plan", str(file), "--summary", "--runs", str(batches_prepared)]) == 2
    assert "average_epochs = 999, but max-update" in capsys.readouterr().err
