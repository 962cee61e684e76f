"""Evaluation of several test sets, each with options of its own, and what interrupts or bars it."""

import dataclasses
import itertools
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time

import pytest
import sacrebleu
import torch
from planted import plant_sacrebleu
from support import BIN, run

from fairseq_sharing import SharingError
from fairseq_sharing.checkpoint.average import average, last_checkpoints
from fairseq_sharing.commands.devices import these_devices
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.evaluation.evaluate import evaluate
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.files import exclusive
from fairseq_sharing.report.plan import commands
from fairseq_sharing.training.train import train

CLI = str(BIN / "fairseq-sharing")
TEST_SETS = """
average_epochs = 2
[[test_sets]]
name = "held out"
[[test_sets]]
name = "news"
origin = "sacrebleu:wmt10"
options = { lenpen = 0.6 }
"""
NEWS = [
    ("menba rosdo", "bamen doros"),
    ("talki menba lumen", "kital bamen menlu"),
    ("Don't wait: rosba!", "Wart' nicht: „baros“!"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, own_text, tiny_text):
    """The experiment, and its run folder with one trained system."""
    folder = tmp_path_factory.mktemp("two sets")
    plant_sacrebleu(folder / "sacrebleu", "wmt10", NEWS)
    file = folder / "two.toml"
    file.write_text(tiny_text.replace("[languages]", TEST_SETS + "[languages]", 1))
    sides = ("--src", own_text[0], "--tgt", own_text[1])
    planted = {"SACREBLEU": str(folder / "sacrebleu")}
    run("fairseq-sharing", "prepare", file, "--runs", folder / "runs", *sides, env=planted)
    experiment, runs = load(file).select(["vanilla"]), folder / "runs" / "two"
    train(experiment, runs)
    return experiment, runs


@pytest.fixture(scope="module")
def scored(trained):
    evaluate(*trained)
    return trained


@pytest.fixture
def copied(trained, tmp_path):
    """A run folder of one's own with what was trained; times of change are kept."""
    experiment, folder = trained
    shutil.copytree(folder, tmp_path / "two", ignore=shutil.ignore_patterns(*LEFT))
    return experiment, tmp_path / "two"


LEFT = ("averaged*", "*.log", "hypotheses.*", "scores.json", "decode.*", "score.*", "average.*")


def test_the_average_is_that_of_the_last_epochs(scored):
    checkpoints = runs_of(*scored)[0].checkpoint.parent
    expected = average(last_checkpoints(checkpoints, "epochs", 2))["model"]
    got = torch.load(checkpoints / "averaged-2.pt", weights_only=True)["model"]
    assert list(got) == list(expected)
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_every_test_set_is_decoded_and_scored_by_itself(scored):
    vanilla = runs_of(*scored)[0]
    scores = json.loads((vanilla.folder / "scores.json").read_text())
    assert list(scores) == ["held out", "news"]
    for name in scores:
        hypotheses = vanilla.hypotheses(name).read_text().splitlines()
        references = (scored[1] / "corpus" / f"{name}.de").read_text().splitlines()
        bleu = sacrebleu.corpus_bleu(hypotheses, [references])
        assert scores[name]["bleu"] == pytest.approx(bleu.score)
        assert scores[name]["segments"] == len(references)
        assert "|case:mixed|eff:no|tok:13a|" in scores[name]["bleu_signature"]
    assert (scored[1] / "corpus" / "news.de").read_text().splitlines() == [pair[1] for pair in NEWS]
    logs = [(vanilla.folder / f"generate.{name}.log").read_text() for name in scores]
    assert [re.search(r"'lenpen': ([\d.]+)", log)[1] for log in logs] == ["1.0", "0.6"]


def test_plan_prints_what_was_run(scored):
    planned = list(commands(*scored, these_devices()))
    (training,) = [command for stage, _, command in planned if stage == "train"]
    vanilla = runs_of(*scored)[0]
    assert shlex.split((vanilla.folder / "command.txt").read_text()) == training


def test_what_is_unchanged_is_not_decoded_again(scored):
    experiment, folder = scored
    vanilla = runs_of(*scored)[0]
    files = [vanilla.hypotheses("held out"), vanilla.hypotheses("news")]
    files += [vanilla.folder / "checkpoints" / "averaged-2.pt", vanilla.folder / "scores.json"]
    before = [file.stat().st_mtime_ns for file in files]
    evaluate(experiment, folder)
    assert [file.stat().st_mtime_ns for file in files] == before
    held_out, news = experiment.test_sets
    other = dataclasses.replace(news, options={"lenpen": 1.4})
    evaluate(dataclasses.replace(experiment, test_sets=(held_out, other)), folder)
    after = [file.stat().st_mtime_ns for file in files]
    assert [one == two for one, two in zip(before, after, strict=True)][:3] == [True, False, True]


def test_fewer_epochs_than_are_averaged(trained):
    experiment, folder = trained
    with pytest.raises(SharingError, match=r"vanilla, with average_epochs = 99: .* checkpoints"):
        evaluate(dataclasses.replace(experiment, average_epochs=99), folder)


def test_a_test_set_with_another_number_of_lines(copied):
    references = copied[1] / "corpus" / "news.de"
    references.write_text("bamen doros\nkital bamen menlu\n")
    with pytest.raises(SharingError, match=r"news has 3 segments to decode and 2 lines in .*news"):
        evaluate(*copied)
    assert not list(copied[1].rglob("hypotheses*"))


@pytest.mark.parametrize(
    ("generate", "arguments", "message"),
    [
        ({"beams": 4}, {}, "fairseq-generate has no option 'beams'"),
        ({"beam": "four"}, {}, "invalid int value: 'four'"),
        ({"max-tokens": "5"}, {}, r"\[generate\] max-tokens = 5 is less than"),
        ({"path": "x.pt"}, {}, "'path' is set by the pipeline"),
        ({"max-source-positions": 5}, {}, "'max-source-positions' is set by the pipeline"),
        ({"score-reference": True}, {}, "'score-reference' is set .* prints the references in"),
        ({"prefix-size": 1}, {}, "'prefix-size' is set .* words of its reference"),
        ({"num-shards": 2}, {}, "'num-shards' is set .*no score is given for a part"),
        ({"results-path": "x"}, {}, "'results-path' is set .* read from what the command prints"),
        ({"post-process": "letter"}, {}, "'post-process' is set .* how subwords are joined"),
        ({}, {"fp16": True}, "--fp16 needs a GPU"),
        ({}, {"comet": "none/bin/python"}, "no comet-score .*pip install unbabel-comet"),
    ],
)
def test_what_cannot_work_is_said_before_any_decoding(copied, generate, arguments, message):
    experiment, folder = copied
    if "comet" in arguments:
        arguments = {"comet": folder / arguments["comet"]}
    with pytest.raises(SharingError, match=message):
        evaluate(dataclasses.replace(experiment, generate=generate), folder, **arguments)
    assert not list(folder.rglob("generate.*"))


@pytest.mark.slow
def test_a_killed_evaluation_keeps_what_it_has_and_ends_with_the_same_bytes(
    trained, scored, copied
):
    experiment, folder = copied
    results = ["hypotheses.held out.txt", "hypotheses.news.txt", "scores.json"]
    vanilla = runs_of(experiment, folder)[0].folder
    file = trained[1].parents[1] / "two.toml"
    command = [CLI, "evaluate", file, "--runs", folder.parent, "--systems", "vanilla"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment) as process:
        while not list(vanilla.glob("decode.*.stage.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in vanilla.glob("hypotheses.*")}
    while True:
        try:
            with exclusive(folder):
                break
        except SharingError:
            time.sleep(0.1)
    subprocess.run(command, env=environment, check=True)
    assert all(path.stat().st_mtime_ns == changed for path, changed in kept.items())
    undisturbed = runs_of(*scored)[0].folder
    evaluate(*scored)
    for name in results:
        assert (vanilla / name).read_bytes() == (undisturbed / name).read_bytes()


@pytest.mark.slow
def test_moses_tokens_and_subwords_are_undone(tmp_path, tiny_text):
    words = {"en": ["Menba", "rosdo", "talki", "it's"], "de": ["Abnem", "odsor", "Iklat", "Esti"]}
    patterns = ("{}, {}: {} {}!", "{} ({}) {} {}.", '{} "{}" {} - {}?', "{} & {} {}; {} 3,5 km")
    drawn = itertools.product(patterns, itertools.product(range(4), repeat=4))
    lines = sorted(random.Random(2).sample(list(drawn), 300))
    for language in ("en", "de"):
        text = (pattern.format(*(words[language][n] for n in chosen)) for pattern, chosen in lines)
        (tmp_path / f"my.{language}").write_text("".join(f"{line}\n" for line in text))
    text = tiny_text.replace("vocabulary = 40", 'vocabulary = 60\nsegmentation = "bpe"')
    (tmp_path / "bpe.toml").write_text(text.replace("max-update = 12", "max-update = 2"))
    experiment, folder = load(tmp_path / "bpe.toml").select(["vanilla"]), tmp_path / "runs"
    prepare(experiment, folder, (tmp_path / "my.en", tmp_path / "my.de"))
    train(experiment, folder)
    evaluate(experiment, folder)
    printed = (folder / "vanilla" / "generate.test.log").read_text()
    targets = dict(re.findall(r"^T-(\d+)\t(.*)$", printed, re.MULTILINE))
    references = (folder / "corpus" / "test.de").read_text().splitlines()
    assert [targets[str(number)] for number in range(len(references))] == references
    assert "@@" not in (folder / "vanilla" / "hypotheses.test.txt").read_text()
