"""A killed training resumes as if nothing had happened; one asked to stop saves first."""

import os
import signal
from pathlib import Path

import pytest
from training import ADMIN, largest_difference, losses, measured, saved, start, train

UPDATES = 40
HALF = UPDATES // 2
OPTIONS = (
    *ADMIN,
    *("--dropout", 0.1, "--curriculum", 0, "--batch-size", 64),  # 31 updates an epoch, shuffled
    *("--save-interval-updates", HALF),
)


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch(copy_task, tmp_path):
    whole = train(copy_task, tmp_path / "whole", *OPTIONS, updates=UPDATES).stdout
    killed = start(copy_task, tmp_path / "killed", *OPTIONS, updates=UPDATES)
    for line in killed.stdout:
        if f"num_updates={HALF + 2}," in line:
            killed.kill()
            break
    assert killed.wait() == -9
    assert (
        saved(tmp_path / "killed")["extra_state"]["train_iterator"]["iterations_in_epoch"] == HALF
    )
    resumed = train(copy_task, tmp_path / "killed", *OPTIONS, updates=UPDATES).stdout
    assert set(losses(resumed)) == set(range(HALF + 1, UPDATES + 1))
    assert losses(resumed).items() <= losses(whole).items()
    ours, theirs = saved(tmp_path / "killed"), saved(tmp_path / "whole")
    assert measured(ours) == measured(theirs)
    assert largest_difference(ours, theirs) == 0


@pytest.mark.slow
def test_asked_to_stop_with_the_processes_that_load_its_data(copy_task, tmp_path):
    """A scheduler sends SIGTERM to every process of a job."""
    loading = ("--num-workers", 1)
    stopped = start(copy_task, tmp_path, *OPTIONS, *loading, updates=5000)
    for line in stopped.stdout:
        if f"num_updates={HALF + 2}," in line:
            children = Path(f"/proc/{stopped.pid}/task/{stopped.pid}/children").read_text()
            for process in [*children.split(), stopped.pid]:
                os.kill(int(process), signal.SIGTERM)
            break
    assert children
    assert "stopped when asked to, after saving a checkpoint" in stopped.stdout.read()
    assert stopped.wait() == 128 + signal.SIGTERM
    history = saved(tmp_path)["optimizer_history"]
    assert HALF + 2 <= history[-1]["num_updates"] < 5000
