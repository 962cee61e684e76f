"""What starts several processes, where there is no GPU: torchrun, and a scheduler's variables."""

import pytest
import torch
from support import BIN, run
from training import arguments, largest_difference, saved, train


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU, fairseq does this by itself")
def test_fairseq_train_under_torchrun_trains_one_model(copy_task, tmp_path):
    options = ("--arch", "shared_transformer_tiny", "--dropout", 0)
    train(copy_task, tmp_path / "one", *options, updates=2)
    command = arguments(copy_task, tmp_path / "two", *options, "--batch-size", 8, updates=2)
    torchrun = ("--standalone", "--nproc-per-node", 2, BIN / "fairseq-train")
    printed = run("torchrun", *torchrun, *command).stdout
    assert "training on 2 devices" in printed
    assert largest_difference(saved(tmp_path / "one"), saved(tmp_path / "two")) < 1e-5
