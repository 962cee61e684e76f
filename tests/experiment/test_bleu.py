"""BLEU follows the target language, as sacreBLEU's own command does, or the experiment."""

import dataclasses
import importlib.util

import pytest
from sacrebleu.metrics import BLEU

from fairseq_sharing import SharingError
from fairseq_sharing.experiment import bleu
from fairseq_sharing.experiment.bleu import bleu_of
from fairseq_sharing.experiment.checks import check_experiment
from fairseq_sharing.experiment.experiment import Languages


def into(experiment, target, tokenizer=None):
    """The experiment with another target language."""
    languages = Languages("en", target)
    return dataclasses.replace(experiment, languages=languages, bleu_tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("target", "named", "expected"),
    [
        ("de", None, "13a"),
        ("zh", None, "zh"),
        ("zh_CN", None, "zh"),
        ("zho-Hant", None, "zh"),
        ("zh", "char", "char"),
        ("ja", "char", "char"),
        ("ko", "13a", "13a"),
        ("th", "char", "char"),
        ("th", "13a", "13a"),
    ],
)
def test_the_tokeniser(tiny, target, named, expected):
    assert bleu_of(into(tiny, target, named)).tokenizer_signature == expected


def test_chinese_is_scored_by_characters(tiny):
    references = ["那红色的房子看见了每小的房子。", "狗打开了窗口。"]
    hypotheses = ["那红色的房子看见了每小的房子。", "狗打开了门。"]
    own = bleu_of(into(tiny, "zh")).corpus_score(hypotheses, [references]).score
    assert own == BLEU(trg_lang="zh").corpus_score(hypotheses, [references]).score > 50


@pytest.mark.parametrize(("target", "package"), [("ja", "MeCab"), ("ko", "mecab_ko")])
def test_a_missing_package_is_one_line(tiny, target, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(SharingError) as refused:
        bleu_of(into(tiny, target))
    assert str(refused.value) == (
        f"BLEU for [languages] target = '{target}' needs MeCab: pip install 'sacrebleu[{target}]', "
        'or choose another tokeniser with bleu_tokenizer = "char" or "flores200"'
    )


@pytest.mark.parametrize("target", ["th", "lo", "km", "mya"])
def test_a_language_without_spaces_or_a_tokeniser_wants_one_named(tiny, target):
    with pytest.raises(SharingError, match=r"no spaces .* choose bleu_tokenizer = \"char\" or"):
        bleu_of(into(tiny, target))


def test_a_model_that_cannot_be_fetched_or_is_damaged_is_one_line(tiny, tmp_path, monkeypatch):
    from sacrebleu.tokenizers import tokenizer_spm

    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr(bleu, "SACREBLEU_DIR", str(tmp_path))
    url = "http://127.0.0.1:9/none.model"
    monkeypatch.setitem(tokenizer_spm.SPM_MODELS["flores200"], "url", url)
    for reason in ("refused", "."):
        with pytest.raises(SharingError, match=rf"'flores200'.*{reason}.*check the network") as no:
            bleu_of(into(tiny, "ja", "flores200"))
        assert "\n" not in str(no.value)
        assert f"in {tmp_path}/models, remove" in str(no.value)
        (tmp_path / "models" / "none.model").write_bytes(b"cut short")


def test_an_unknown_tokeniser_is_named(tiny):
    with pytest.raises(SharingError, match=r"bleu_tokenizer = 'mecab': choose from none, zh, 13a"):
        check_experiment(into(tiny, "ja", "mecab"))
