"""Every strategy learns: a target that is its source, decoded by fairseq, scored by sacreBLEU."""

import pytest
from sacrebleu.metrics import BLEU
from support import PLUGIN, SHARING, run
from training import UNTHREADED

from fairseq_sharing.model.strategies import FIXED_UNIQUE


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SHARING)
def test_copying_is_learnt(copy_task, tmp_path, strategy):
    unique = () if strategy in FIXED_UNIQUE else ("encoder", "decoder")
    run(
        "fairseq-train",
        *(copy_task / "bin", "--user-dir", PLUGIN, "--save-dir", tmp_path, "--cpu"),
        *("--arch", "shared_transformer_tiny", "--sharing-strategy", strategy),
        *("--encoder-layers", 4, "--decoder-layers", 4, "--share-all-embeddings"),
        *(option for side in unique for option in (f"--{side}-unique-layers", 3)),
        *("--encoder-normalize-before", "--decoder-normalize-before", "--dropout", 0),
        *("--optimizer", "adam", "--lr", 0.005, "--lr-scheduler", "inverse_sqrt"),
        *("--warmup-updates", 100, "--clip-norm", 1, "--max-tokens", 2000),
        *("--max-update", 700, "--no-epoch-checkpoints", "--no-progress-bar", "--seed", 3),
        *UNTHREADED,
    )
    printed = run(
        "fairseq-generate",
        *(copy_task / "bin", "--user-dir", PLUGIN, "--path", tmp_path / "checkpoint_best.pt"),
        *("--cpu", "--beam", 4, "--required-batch-size-multiple", 1),
    ).stdout
    rows = [line.split("\t") for line in printed.splitlines() if line.startswith(("H-", "T-"))]
    hypotheses = {row[0][2:]: row[2] for row in rows if row[0].startswith("H-")}
    references = {row[0][2:]: row[1] for row in rows if row[0].startswith("T-")}
    assert len(hypotheses) == len(references) == 103
    score = BLEU(tokenize="none").corpus_score(
        [hypotheses[number] for number in references], [list(references.values())]
    )
    assert score.score >= 98
