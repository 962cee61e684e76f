"""Samples of language models that their model or its batches do not take are named beforehand."""

import dataclasses

import numpy as np
import pytest
from fairseq.data.token_block_dataset import TokenBlockDataset
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.corpus.samples import Samples
from fairseq_sharing.errors import SharingError
from fairseq_sharing.evaluation.language_models import check_test_sets
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.training.train import waiting_runs

SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=20)
MODES = ("none", "eos", "complete")


@settings(deadline=None)
@given(SIZES, st.integers(1, 40), st.sampled_from(MODES))
def test_what_is_said_of_samples_is_so_of_fairseqs(sizes, tokens, mode):
    lines = np.array(sizes)
    samples = Samples.of(
        {"tokens-per-sample": tokens},
        {"tokens-per-sample": str(tokens)} | {"sample-break-mode": mode},
    )
    text = [np.zeros(size, dtype=np.int64) for size in sizes]
    made = TokenBlockDataset(
        text, lines, tokens, pad=1, eos=2, break_mode=mode, use_plasma_view=False
    ).sizes
    assert len(samples.too_long(lines)) == (made > tokens).sum()
    taken = made[made <= tokens]
    assert samples.longest(lines) <= taken.max(initial=0)
    assert mode == "complete" or samples.longest(lines) == taken.max(initial=0)


@pytest.fixture
def prepared(texts, own_text, tmp_path):
    """The experiment with other options, on data that are prepared."""
    folder = tmp_path / "texts"
    prepare(texts, folder, own_text[:1])

    def given(train=None, generate=None):
        changed = dataclasses.replace(
            texts,
            train={**texts.train, **(train or {})},
            generate={**texts.generate, **(generate or {})},
        )
        return runs_of(changed, folder), folder

    return given


def test_they_are_named_before_training_and_before_the_evaluation(prepared, capsys):
    lines = {"sample-break-mode": "eos", "tokens-per-sample": 6}
    cases = [
        (lines, r"^valid, line \d+ has \d+ tokens, .* and sample-break-mode = eos keeps it whole"),
        ({"max-tokens": 16}, "^system vanilla: max-tokens = 16 is less than the 32 tokens of a"),
        ({"max-tokens-valid": 16}, "^system vanilla: max-tokens-valid = 16 is less than the 32"),
    ]
    for options, message in cases:
        with pytest.raises(SharingError, match=message):
            waiting_runs(*prepared(options), Devices("cpu"), "auto")
    with pytest.raises(SharingError, match=r"^test, line \d+ has \d+ tokens, .* \(6, by"):
        check_test_sets(*prepared(lines))
    with pytest.raises(SharingError, match=r"^fairseq-eval-lm: \[generate\] max-tokens = 23 is"):
        check_test_sets(*prepared(generate={"max-tokens": "23"}))
    check_test_sets(*prepared(generate={"max-tokens": 24}))  # the context window has the other 8
    capsys.readouterr()
    waiting_runs(*prepared(lines | {"shorten-method": "truncate"}), Devices("cpu"), "auto")
    assert capsys.readouterr().out == ""
