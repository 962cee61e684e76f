"""Scores are sacreBLEU's, for whole test sets only."""

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from sacrebleu.significance import Result

from fairseq_sharing import SharingError
from fairseq_sharing.evaluation.decoding import hypotheses_of
from fairseq_sharing.evaluation.scoring import p_value, score

REFERENCES = [f"Line {n} of the text has {n * 7} words ." for n in range(30)]
WORSE = [line.replace("has", "had") if n % 3 else line for n, line in enumerate(REFERENCES)]


def test_scores_and_signatures_are_sacrebleus():
    results = score(
        {"other": WORSE, "base": REFERENCES, "same": REFERENCES}, REFERENCES, "base", BLEU()
    )
    assert list(results) == ["base", "other", "same"]
    bleu = sacrebleu.corpus_bleu(WORSE, [REFERENCES])
    assert results["other"].bleu == pytest.approx(bleu.score)
    assert results["other"].chrf == pytest.approx(sacrebleu.corpus_chrf(WORSE, [REFERENCES]).score)
    assert results["other"].bleu_interval > 0
    assert results["other"].segments == 30
    assert results["base"].p_value is None
    assert results["other"].p_value < 0.01
    assert results["same"].p_value == 1.0
    assert results["base"].bleu_signature.startswith("nrefs:1|bs:1000|seed:12345|case:mixed|")


def test_another_number_of_lines_is_an_error():
    with pytest.raises(SharingError, match="other has 29 hypotheses for 30 references"):
        score({"base": REFERENCES, "other": WORSE[1:]}, REFERENCES, "base", BLEU())


@given(st.permutations(range(12)), st.integers(0, 12))
def test_hypotheses_are_put_in_order_and_none_may_lack(tmp_path_factory, order, kept):
    output = tmp_path_factory.mktemp("generate") / "log"
    lines = [
        f"S-{n}\tsource\nH-{n}\t-0.1\t▁te xt\nD-{n}\t-0.1\ttext {n} D-5\nD-{n}\t-0.2\tsecond best\n"
        for n in order[:kept]
    ]
    output.write_text("INFO | D-1 is no hypothesis\n" + "".join(lines))
    if kept == 12:
        assert hypotheses_of(output, 12) == [f"text {n} D-5" for n in range(12)]
    else:
        with pytest.raises(SharingError, match=f"returned {kept} of 12 segments .*log"):
            hypotheses_of(output, 12)


def test_a_carriage_return_in_a_hypothesis_does_not_cut_it(tmp_path):
    lines = "D-0\t-0.1\tone\rtwo \x85 \u2028 three\nD-1\t-0.1\t\r\n"
    (tmp_path / "log").write_bytes(lines.encode())
    assert hypotheses_of(tmp_path / "log", 2) == ["one\rtwo \x85 \u2028 three", "\r"]


def test_a_p_value_that_sacrebleu_does_not_give_stays_unknown():
    same = {"base": REFERENCES, "other": WORSE}
    for result in score(same, REFERENCES, "other", BLEU()).values():
        assert (result.p_value is None) == (result.bleu < 100)
    assert p_value(Result(50.0, None), Result(40.0, None)) is None
