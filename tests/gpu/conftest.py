"""One CUDA device for the tests of this folder; without one only the line that says so is left.

``GPU_TESTS_ON=cpu`` runs what a CPU can do of them, to find mistakes in the tests themselves.
"""

import os
from pathlib import Path

import pytest
import torch
from gpu_trainings import Trainings

DEVICE = os.environ.get("GPU_TESTS_ON", "cuda")
CARD = Path(__file__).with_name("test_card.py")

collect_ignore = []
if DEVICE == "cuda" and not torch.cuda.is_available():
    collect_ignore = [path.name for path in CARD.parent.glob("test_*.py") if path != CARD]


@pytest.fixture(scope="session")
def device() -> str:
    """Where the tests run, in float32 without the shorter TF32."""
    torch.backends.cuda.matmul.allow_tf32 = False
    return DEVICE


@pytest.fixture(scope="session")
def trainings(copy_task, device, tmp_path_factory):
    """Those of ``gpu_trainings``, which run while other tests do."""
    begun = Trainings(copy_task, tmp_path_factory.mktemp("trainings"), device)
    yield begun
    begun.close()


@pytest.fixture(scope="session", autouse=True)
def begun_early(request):
    """Begins them before the first test, where one process runs all tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        request.getfixturevalue("trainings")
