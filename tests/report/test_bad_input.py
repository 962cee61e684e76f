"""Runs that cannot be reported, or not together: one line that names them and what to do."""

import json
import re
import shutil

import pytest
from planted_runs import EXPERIMENT, plant

from fairseq_sharing.cli import main


def report(capsys, *arguments):
    """The command's last line; it must fail and write nothing."""
    folder = arguments[0]
    before = sorted(folder.rglob("*")) if folder.exists() else []
    assert main(["report", *map(str, arguments)]) == 2
    assert (sorted(folder.rglob("*")) if folder.exists() else []) == before
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_folders_without_runs(capsys, planted, tmp_path):
    assert "holds no run.json" in report(capsys, tmp_path, planted)
    assert f"{tmp_path}/none is no folder" in report(capsys, tmp_path / "none")


def test_an_unknown_baseline(capsys, planted):
    line = report(capsys, planted, "--baseline", "vanilla")
    assert "--baseline vanilla is none of the systems base, deep_rev" in line
    line = report(capsys, planted / "deep_rev")
    assert "the experiment's baseline 'base' is none of the systems deep_rev: add its run" in line


def test_a_run_without_scores_or_log(capsys, own):
    scores = own / "deep_rev" / "scores.json"
    text = scores.read_text()
    scores.write_text(json.dumps({"newstest2013": json.loads(text)["newstest2013"]}))
    line = report(capsys, own)
    assert "deep_rev has no scores of newstest2014: run fairseq-sharing evaluate" in line
    scores.write_text(text[:40])
    assert "scores.json is not JSON" in report(capsys, own)
    for damaged in ('{"newstest2013": 3, "newstest2014": 3}', text.replace('"bleu"', '"bleus"')):
        scores.write_text(damaged)
        assert "scores.json is damaged or of another version: remove it" in report(capsys, own)
    for value in ("null", '"x"', "[]", "NaN"):
        scores.write_text(re.sub(r'"bleu": [\d.]+', f'"bleu": {value}', text, count=1))
        assert "scores.json is damaged or of another version: remove it" in report(capsys, own)
    scores.write_text(text)
    (own / "base" / "train.log").unlink()
    assert "train.log does not say how many parameters" in report(capsys, own)


def test_translations_that_are_not_those_that_were_scored(capsys, own):
    path = own / "base" / "hypotheses.newstest2013.txt"
    path.write_text(path.read_text() + "more\n")
    assert "has 41 lines for 40 segments: remove it" in report(capsys, own)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("base/run.json", "[]", "run.json does not hold a JSON object: remove it"),
        ("base/run.json", "null", "run.json does not hold a JSON object: remove it"),
        ("base/run.json", "{}", "run.json is no record of a training: 'name'"),
        ("speed.json", '{"base": "fast"}', "speed.json is damaged"),
        ("speed.json", '{"base": {"first": 1}}', "speed.json is damaged"),
        ("speed.json", '{"base": null}', "speed.json is damaged"),
        ("speed.json", '{"base": 0}', "speed.json is damaged (a speed is not positive)"),
        ("speed.json", f'{{"base": {10**400}}}', "speed.json is damaged"),
        (
            "corpus/manifest.json",
            '{"steps": []}',
            "manifest.json is damaged: its steps are no table",
        ),
        ("corpus/newstest2013.de", "one\n", "newstest2013.de has 1 lines, what was scored has 40"),
        ("base/hypotheses.newstest2013.txt", "\udcff\n", "line 1: not UTF-8 (byte 0xff)"),
    ],
)
def test_a_damaged_record_is_named(capsys, own, name, content, message):
    (own / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert message in report(capsys, own)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("newstest2014", "newstest2015", "test sets: newstest2013, newstest2014 and newstest2013,"),
        ("vocabulary = 40", "vocabulary = 50", "training data, vocabulary: 40 and 50"),
        ('target = "de"', 'target = "fr"', "languages: ('en', 'de') and ('en', 'fr')"),
        ('paper = "Vanilla 6/6"', 'paper = "Vanilla 9/9"', "Table 1 has the rows Vanilla 6/6, Ad"),
    ],
)
def test_runs_that_do_not_compare(capsys, own, before, after, message):
    other = own.parent / "other"
    plant(other, EXPERIMENT)
    for path in other.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace(json_form(before), json_form(after)))
    for path in [*other.rglob("*newstest2014*")] if before == "newstest2014" else []:
        path.rename(path.with_name(path.name.replace(before, after)))
    line = report(capsys, own, other)
    assert message in line


def json_form(setting):
    """A line of TOML as run.json has it."""
    key, equals, value = setting.partition(" = ")
    return f'"{key}": {value}' if equals else key


def test_other_references_and_other_texts(capsys, own):
    other = own.parent / "other"
    shutil.copytree(own, other)
    path = other / "corpus" / "newstest2013.de"
    path.write_text(path.read_text().replace("de 3 a", "de 3 the"))
    line = report(capsys, own, other)
    assert f"{own}/base and {other}/base do not compare: newstest2013.de, line 4" in line
    for folder, digest in ((own, "a"), (other, "b")):
        (folder / "corpus" / "manifest.json").write_text(json.dumps({"origin": {"all.gz": digest}}))
    assert "origin of the training data: {'all.gz': 'a'}" in report(capsys, own, other)


@pytest.mark.parametrize("loss", ["-1.0", "nan", "inf"])
def test_a_loss_that_is_none(capsys, planted, loss):
    line = report(capsys, planted, "--valid-loss", loss)
    assert f"--valid-loss {loss}: must be a number greater than 0" in line
