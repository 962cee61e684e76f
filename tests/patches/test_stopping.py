"""A training that is asked to stop during a validation stops after it, with all processes."""

import signal
import subprocess
import sys

import pytest
from training import TINY, UNTHREADED, saved, start

from fairseq_sharing.patches.stopping import STATUS, _or_when, _Stop


def never(cfg, valid_loss):
    return False


def test_after_a_validation_a_request_counts_at_once():
    stop = _Stop()
    should_stop = _or_when(stop, never)
    assert not should_stop(None, 3.0)
    stop.ask(signal.SIGTERM, None)
    assert not should_stop(None, None)  # after updates alone, all processes find out together
    assert should_stop(None, 3.0)
    assert stop.agreed


ONE_OF_TWO = """
import sys
import torch.distributed as dist
from fairseq_sharing.patches.stopping import _or_when, _Stop
rank, meeting = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
stop = _Stop()
stop.asked = rank == 1
should_stop = _or_when(stop, lambda cfg, valid_loss: False)
print(should_stop(None, 3.0))
"""


@pytest.mark.slow
def test_one_process_that_was_asked_stops_the_other(tmp_path):
    command = [sys.executable, "-c", ONE_OF_TWO]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "meeting")], stdout=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["True\n"] * 2


@pytest.mark.slow
def test_no_update_is_made_after_the_validation(copy_task, tmp_path):
    """One that saves and validates after every tenth update; it takes a while for 50 sentences."""
    options = (
        *(*TINY, *UNTHREADED, "--batch-size-valid", 1, "--required-batch-size-multiple", 1),
        *("--save-interval-updates", 10, "--validate-interval-updates", 10),
    )
    training = start(copy_task, tmp_path, *options, updates=5000, validates=True)
    for line in training.stdout:
        if 'begin validation on "valid" subset' in line:
            training.send_signal(signal.SIGTERM)
            break
    assert "stopped when asked to, after saving a checkpoint" in training.stdout.read()
    assert training.wait() == STATUS
    assert saved(tmp_path)["optimizer_history"][-1]["num_updates"] == 10
