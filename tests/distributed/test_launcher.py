"""A launcher of several processes, on a machine without a GPU."""

from pathlib import Path

import pytest
import torch
from support import PLUGIN, run


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU, fairseq reads the launcher")
def test_training_an_experiment_refuses_torchrun(tmp_path):
    demo = Path(PLUGIN).parent / "experiments" / "demo"
    refused = run(
        *("fairseq-sharing", "train", demo, "--runs", tmp_path),
        check=False,
        env={"WORLD_SIZE": "2", "RANK": "1"},
    )
    assert refused.returncode == 2
    assert "WORLD_SIZE=2" in refused.stdout
    assert "trains 2 separate models" in refused.stdout
    assert not list(tmp_path.iterdir())
