"""What runs side by side, and where, on machines that are only described."""

import pytest
import torch
from support import run

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices, these_devices
from fairseq_sharing.commands.jobs import ALONE
from fairseq_sharing.commands.places import places, places_here, training_places, usable_cores

EIGHT = [str(number) for number in range(8)]


def gpus_of(found):
    return [place["CUDA_VISIBLE_DEVICES"] for place in found]


def threads_of(found):
    return {place["OMP_NUM_THREADS"] for place in found}


@pytest.fixture
def eight_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_command_on_each_gpu():
    found = places(EIGHT, cores=32)
    assert gpus_of(found) == EIGHT
    assert threads_of(found) == {"4"}


def test_several_share_a_gpu_and_its_cores():
    found = places(["3", "5"], cores=16, jobs=4)
    assert gpus_of(found) == ["3", "5"] * 4
    assert threads_of(found) == {"2"}
    assert threads_of(places(["0"], cores=2, jobs=4)) == {"1"}


def test_trainings_on_several_gpus_each():
    assert gpus_of(places(EIGHT, cores=16, each=3)) == ["0,1,2", "3,4,5"]
    assert gpus_of(places(EIGHT, cores=16, each=8)) == ["0,1,2,3,4,5,6,7"]
    assert threads_of(places(EIGHT, cores=16, each=8)) == {"2"}


@pytest.mark.parametrize(
    ("cores", "each", "jobs", "number", "threads"),
    [(4, 1, None, 4, "1"), (4, 2, None, 2, "1"), (1, 2, None, 1, "1"), (8, 1, 2, 2, "4")],
)
def test_without_gpus_the_cores_are_shared(cores, each, jobs, number, threads):
    assert places([], cores, each, jobs) == [{"OMP_NUM_THREADS": threads}] * number


@pytest.mark.usefixtures("eight_gpus")
def test_the_users_number_of_threads_goes_before_a_share_of_the_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    assert threads_of(places_here()) == {"77"}
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads_of(places_here()) == threads_of(places(EIGHT, usable_cores()))


@pytest.mark.usefixtures("eight_gpus")
def test_gpus_that_are_visible_are_taken(monkeypatch):
    assert gpus_of(training_places(these_devices(1))) == EIGHT
    assert gpus_of(training_places(these_devices(4))) == ["0,1,2,3", "4,5,6,7"]
    assert len(training_places(these_devices())) == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,GPU-8932f937")
    assert gpus_of(training_places(these_devices(1))) == ["6", "GPU-8932f937"]


@pytest.mark.usefixtures("eight_gpus")
def test_more_gpus_than_there_are():
    with pytest.raises(SharingError, match="--devices 9: this machine shows 8 GPUs; give 1 to 8"):
        these_devices(9)


@pytest.mark.parametrize(
    "devices", [Devices("gpu", 8, 2, 0, "node0", 29500), Devices("gpu", 2, started=True)]
)
def test_devices_that_meet_train_one_system_at_a_time(devices):
    assert training_places(devices) == ALONE
    with pytest.raises(SharingError, match=r"--jobs 2: .* one system at a time; leave it out"):
        training_places(devices, 2)


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_no_jobs_at_all(tiny_file, stage):
    refused = run("fairseq-sharing", stage, tiny_file, "--jobs", 0, check=False)
    assert refused.returncode == 2
    assert "argument --jobs: '0' must be a whole number, at least 1" in refused.stdout
