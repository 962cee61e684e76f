"""A training with a batch of given size: where it runs, and whether its end is the expected one."""

import shutil
from pathlib import Path

from training import largest_difference, saved

UPDATES, INTERVAL = 60, 20


def copy(prepared: Path, folder: Path) -> tuple[object, ...]:
    """The arguments of ``train`` for one system, in a copy of the prepared data."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    return (folder / "tiny.toml", "--runs", folder, "--systems", "vanilla", "--no-speed")


def checkpoint(where: tuple[object, ...]) -> dict:
    """The last one of the training with these arguments."""
    return saved(Path(str(where[2])) / "tiny" / "vanilla" / "checkpoints")


def same(one: dict, other: dict, updates: int = UPDATES) -> bool:
    """Whether two checkpoints are of the last update and their weights differ by rounding alone."""
    reached = [state["optimizer_history"][-1]["num_updates"] for state in (one, other)]
    return reached == [updates, updates] and largest_difference(one, other) < 1e-5
