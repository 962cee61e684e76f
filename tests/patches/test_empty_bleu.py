"""BLEU while training, where no hypothesis has a word yet."""

import json
import re

from support import PLUGIN, run
from training import TINY, UNTHREADED

NOTHING = {"beam": 1, "max_len_a": 0, "max_len_b": 0, "min_len": 0}


def test_a_validation_that_translates_nothing_has_a_bleu_of_0(copy_task, tmp_path):
    printed = run(
        *("fairseq-train", copy_task / "bin", "--user-dir", PLUGIN, "--save-dir", tmp_path),
        *(*TINY, "--cpu", "--optimizer", "adam", "--lr", 0.002, "--batch-size", 16),
        *("--max-update", 1, "--no-progress-bar", "--no-epoch-checkpoints", *UNTHREADED),
        *("--eval-bleu", "--eval-bleu-args", json.dumps(NOTHING)),
        *("--best-checkpoint-metric", "bleu", "--maximize-best-checkpoint-metric"),
    ).stdout
    assert re.search(r"valid \|.* bleu 0 ", printed)
    assert (tmp_path / "checkpoint_best.pt").exists()
