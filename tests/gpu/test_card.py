"""Which card the tests of this folder ran on, if any."""

import os

import pytest
import torch

MISSING = not torch.cuda.is_available() and os.environ.get("GPU_TESTS_ON", "cuda") == "cuda"
pytestmark = pytest.mark.skipif(MISSING, reason="no CUDA device: nothing of tests/gpu was run")


def test_there_is_a_card(capsys):
    with capsys.disabled():
        print(torch.cuda.get_device_name() if torch.cuda.is_available() else "a dry run on the CPU")
