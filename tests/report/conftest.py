"""Experiments to report on: folders of runs that look like finished ones."""

from pathlib import Path

import pytest
from planted_runs import plant


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> Path:
    """Two systems, two seeds, two test sets; read only."""
    folder = tmp_path_factory.mktemp("my runs") / "planted"
    plant(folder)
    return folder


@pytest.fixture
def own(tmp_path) -> Path:
    """The same, to be changed."""
    plant(tmp_path / "own")
    return tmp_path / "own"
