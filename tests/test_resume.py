"""A training that was killed goes on as if nothing had happened."""

import re

import pytest
from training import ADMIN, largest_difference, measured, saved, start, train

UPDATES = 40
HALF = UPDATES // 2
OPTIONS = (
    *ADMIN,
    *("--dropout", 0.1, "--curriculum", 0, "--batch-size", 64),  # 31 updates an epoch, shuffled
    *("--save-interval-updates", HALF),
)


def losses(printed: str) -> dict[int, tuple[str, str]]:
    """Loss and gradient norm of each update, as logged."""
    found = re.findall(
        r"train_inner .* loss=([\d.]+).* num_updates=(\d+).* gnorm=([\d.]+)", printed
    )
    return {int(update): (loss, norm) for loss, update, norm in found}


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
