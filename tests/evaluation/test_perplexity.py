"""Perplexity from fairseq-eval-lm's output: by token and word, of every token, with its chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing.errors import SharingError
from fairseq_sharing.evaluation.perplexity import line_losses, perplexities

LINES = ["a b", "c", "", "d e f"]
SAMPLES = {0: "a b </s> c", 1: "</s> </s> d e", 2: "f </s>"}


def printed(form: str, order=(0, 1, 2), loss: float = -0.5) -> str:
    """What fairseq-eval-lm prints of the samples, one of them in each line."""
    lines = [
        form + f"{number} " + "\t".join(f"{token} [{loss:2f}]" for token in SAMPLES[number].split())
        for number in order
    ]
    return "\n".join(["INFO | something else", *lines, form + "Loss (base 2): 1.0"])


@pytest.mark.parametrize(
    "form", ["INFO:fairseq_cli.eval_lm:", "2026-01-01 10:00:00 | INFO | fairseq_cli.eval_lm | "]
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_every_token_counts_for_its_line_in_whatever_order_samples_come(form, order):
    assert line_losses(printed(form, order), LINES).tolist() == [1.5, 1.0, 0.5, 2.0]


def test_tokens_that_look_like_the_format_are_tokens():
    output = "INFO:fairseq_cli.eval_lm:0 [ [-1.0]\t[2] [-2.0]\t</s> [-3.0]"
    assert line_losses(output, ["[ [2]"]).tolist() == [6.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 2)])
def test_a_part_of_a_test_set_has_no_perplexity(order):
    with pytest.raises(SharingError, match=r"scored \d of 10 tokens: no perplexity is given"):
        line_losses(printed("INFO:fairseq_cli.eval_lm:", order), LINES)


def test_a_token_without_probability_is_named():
    with pytest.raises(SharingError, match="diverged"):
        line_losses(printed("INFO:fairseq_cli.eval_lm:", loss=-math.inf), LINES)


def test_a_uniform_model_has_the_perplexity_of_its_choices():
    tokens, words = [3, 2, 1, 4], [2, 2, 1, 3]
    losses = {"uniform": np.array(tokens) * math.log(50)}
    (found,) = perplexities(losses, tokens, words, [0, 0, 1, 1], "uniform").values()
    assert found.perplexity == pytest.approx(50)
    assert found.word_perplexity == pytest.approx(50 ** (10 / 8))
    assert (found.tokens, found.words, found.documents) == (10, 8, 2)
    assert found.p_value is None


def test_few_documents_say_nothing_of_others():
    losses = {"base": np.full(18, 3.0), "better": np.full(18, 2.0)}
    for documents, known in ((np.arange(18) // 2, False), (range(18), True)):
        found = perplexities(losses, [1] * 18, [1] * 18, documents, "base")["better"]
        assert (found.perplexity_interval is not None) == known
        assert (found.p_value is not None) == known


@given(st.integers(0, 2**32 - 1))
def test_a_difference_in_every_document_is_certain_and_none_is_not(seed):
    draw = np.random.default_rng(seed)
    tokens = draw.integers(1, 20, size=60)
    losses = tokens * draw.uniform(2, 4, size=60)
    systems = {"base": losses, "same": losses.copy(), "better": losses - 0.1 * tokens}
    found = perplexities(systems, tokens, tokens, np.arange(60) // 2, "base")
    assert found["same"].p_value == 1
    assert found["better"].p_value == pytest.approx(1 / 1001)
    assert found["better"].perplexity == pytest.approx(found["base"].perplexity * math.exp(-0.1))


def test_half_the_documents_better_and_half_worse_is_chance():
    tokens = np.full(40, 10)
    base = np.full(40, 30.0)
    other = base + np.where(np.arange(40) % 2, 1.0, -1.01)
    found = perplexities({"base": base, "other": other}, tokens, tokens, range(40), "base")
    assert found["other"].p_value > 0.5


def test_files_of_other_lengths_are_named():
    losses = {"base": np.ones(3)}
    with pytest.raises(SharingError, match="text, subwords, documents and losses have not as many"):
        perplexities(losses, [2, 2, 2], [1, 1, 1], [0, 0], "base")
