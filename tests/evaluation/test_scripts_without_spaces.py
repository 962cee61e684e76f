"""Chinese, Japanese, Korean and Thai from raw text to the report."""

import dataclasses
import json
import re

import pytest
import sacrebleu
import sentencepiece
from rich.console import Console
from unspaced import WORDS, plant_text

from fairseq_sharing import SharingError
from fairseq_sharing.corpus import sentencepieces
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.evaluation.evaluate import evaluate
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.compare import compare
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.training.train import train

TOKENIZERS = {"zh": None, "ja": "char", "ko": "char", "th": "char"}


def stages(tmp_path, tiny_text, language, capsys, updates=2, **replaced):
    """An experiment into the language, and its run folder with data prepared."""
    named = TOKENIZERS[language]
    text = tiny_text.replace('target = "de"', f'target = "{language}"')
    text = text.replace("vocabulary = 40", "vocabulary = 60\nmax_ratio = 2.0")
    text = text.replace("max_words = 8", "max_words = 12")
    text = text.replace("max-update = 12", f"max-update = {updates}")
    for before, after in replaced.items():
        text = re.sub(before, after, text)
    file = tmp_path / f"{language}.toml"
    file.write_text((f'bleu_tokenizer = "{named}"\n' if named else "") + text)
    experiment, folder = load(file), tmp_path / "runs"
    paths = plant_text(tmp_path, language)
    prepare(experiment, folder, paths)
    lines = len(paths[0].read_text().splitlines())
    said = f"prepare: corpus: read {lines} pairs, kept {lines}; dropped none\n"
    assert said in capsys.readouterr().out
    return experiment, folder


def check_scores(experiment, folder, language):
    """That scores are what sacreBLEU's own function gives for the language; returns them."""
    tokenizer = TOKENIZERS[language] or language
    (references,) = [(folder / "corpus" / f"test.{language}").read_text().splitlines()]
    found = []
    for run in runs_of(experiment, folder):
        score = json.loads((run.folder / "scores.json").read_text())["test"]
        hypotheses = run.hypotheses("test").read_text().splitlines()
        bleu = sacrebleu.corpus_bleu(hypotheses, [references], tokenize=tokenizer)
        assert score["bleu"] == pytest.approx(bleu.score)
        assert score["chrf"] == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [references]).score)
        assert f"|tok:{tokenizer}|" in score["bleu_signature"]
        found.append(score)
    return found


def test_chinese_from_text_to_report(tmp_path, tiny_text, capsys):
    experiment, folder = stages(tmp_path, tiny_text, "zh", capsys)
    train(experiment, folder)
    evaluate(experiment, folder)
    baseline, other = runs_of(experiment, folder)
    references = (folder / "corpus" / "test.zh").read_text()
    other.hypotheses("test").write_text(references.replace("窗口。", "门。"))
    baseline.hypotheses("test").write_text(references.replace("红色的", "红的"))
    evaluate(experiment, folder)
    worse, better = check_scores(experiment, folder, "zh")
    assert 50 < worse["bleu"] < better["bleu"] < 100
    assert better["bleu_interval"] > 0
    assert better["p_value"] < 0.05
    console = Console(record=True, width=100)
    compare(experiment, folder, console)
    shown = console.export_text()
    assert "|tok:zh|" in shown
    assert "chrF nrefs:1" in shown
    assert re.search(r"Training text: read \d+ pairs, kept \d+; dropped none\.", shown)
    renamed = dataclasses.replace(experiment, bleu_tokenizer="char")
    with pytest.raises(SharingError, match=r"is .*tok:zh.* the experiment asks for tok:char: run"):
        compare(renamed, folder, console)
    evaluate(renamed, folder)
    report = summarise(find_runs([folder]))
    scores = [score for training in report.trainings for score in training.scores.values()]
    assert all("|tok:char|" in score.bleu_signature for score in scores)
    page = (folder / "report" / "report.html").read_text()
    assert "Training text: read" in page
    assert re.search(r"<del>红</del>|<ins>红色</ins>|<ins>色</ins>", page)


@pytest.mark.parametrize("language", WORDS)
def test_text_comes_back_from_its_pieces(language, tiny, tmp_path):
    texts, model = plant_text(tmp_path, language), tmp_path / "model"
    sentencepieces.learn(texts, dataclasses.replace(tiny.data, vocabulary=60), model)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    for text in texts:
        lines = text.read_text().splitlines()
        sentencepieces.encode(text, language, model, tmp_path / "encoded")
        encoded = (tmp_path / "encoded").read_text().splitlines()
        assert [pieces.decode(line.split(" ")) for line in encoded] == lines
        assert pieces.unk_id() not in pieces.encode(" ".join(lines))


@pytest.mark.slow
@pytest.mark.parametrize("language", WORDS)
def test_a_trained_model_translates_into_it(language, tmp_path, tiny_text, capsys):
    larger = {"embed-dim = 16": "embed-dim = 64", "embed-dim = 32": "embed-dim = 128"}
    experiment, folder = stages(tmp_path, tiny_text, language, capsys, updates=600, **larger)
    train(experiment, folder)
    evaluate(experiment, folder)
    assert all(score["bleu"] > 20 for score in check_scores(experiment, folder, language))
    compare(experiment, folder, Console())
