"""Checkpoints of trainings with --eval-bleu hold what numpy counted: they are used as others."""

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.logging import metrics
from support import PLUGIN, run
from training import SHARED, train

BLEU = ("--eval-bleu", "--eval-bleu-args", '{"beam": 1, "max_len_b": 5}')


def test_meters_are_saved_read_and_go_on_counting(tmp_path):
    """As fairseq's translation task fills them: with arrays of counts."""
    with metrics.aggregate("valid", new_root=True) as meters:
        metrics.log_scalar("_bleu_counts", np.array([4, 3, 2, 1]))
        metrics.log_scalar("_bleu_sys_len", np.int64(9))
        stored = {"metrics": meters.state_dict(), "train_iterator": {"epoch": 1}}
        history = [{"lr_scheduler_state": {}}]
        path = str(tmp_path / "counts.pt")
        torch.save({"model": {}, "optimizer_history": history, "extra_state": stored}, path)
        read = checkpoint_utils.load_checkpoint_to_cpu(path)
        meters.load_state_dict(read["extra_state"]["metrics"])
        metrics.log_scalar("_bleu_counts", np.array([6, 7, 8, 9]))
        assert meters.get_smoothed_value("_bleu_sys_len") == 9
        np.testing.assert_array_equal(meters["_bleu_counts"].sum, [10, 10, 10, 10])


@pytest.mark.slow
def test_it_is_resumed_decoded_and_inspected(copy_task, tmp_path):
    options = (*SHARED, *BLEU, "--patience", 100)
    first = train(copy_task, tmp_path, *options, updates=2, validates=True).stdout
    assert "bleu" in first
    printed = train(copy_task, tmp_path, *options, updates=4, validates=True).stdout
    assert "Loaded checkpoint" in printed
    last = tmp_path / "checkpoint_last.pt"
    assert "updates               4" in run("fairseq-sharing", "checkpoint", "inspect", last).stdout
    decoding = (copy_task / "bin", "--user-dir", PLUGIN, "--path", last, "--cpu", "--max-len-b", 5)
    assert "Generate test" in run("fairseq-generate", *decoding, "--batch-size", 64).stdout
