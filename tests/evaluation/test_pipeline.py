"""All stages on planted text, with real fairseq in processes of its own."""

import csv
import dataclasses
import os
import signal
import subprocess
import time

import pytest
from rich.console import Console
from support import BIN

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.evaluation.evaluate import evaluate
from fairseq_sharing.experiment.runs import read_run, runs_of
from fairseq_sharing.files import exclusive
from fairseq_sharing.report.compare import compare
from fairseq_sharing.training.train import train

CLI = str(BIN / "fairseq-sharing")


@pytest.fixture(scope="module")
def prepared(tiny, own_text, tmp_path_factory):
    """A run folder, with a space in its path, that holds prepared data."""
    folder = tmp_path_factory.mktemp("my runs") / tiny.name
    prepare(tiny, folder, own_text)
    return folder


@pytest.fixture(scope="module")
def trained(tiny, prepared):
    train(tiny, prepared)
    return prepared


@pytest.fixture(scope="module")
def scored(tiny, trained):
    evaluate(tiny, trained)
    return trained


def contents(folder):
    """Every file's time of change: equal where nothing was done."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}


def test_preparing_twice_does_it_once(tiny, own_text, prepared):
    before = contents(prepared)
    prepare(tiny, prepared, own_text)
    assert contents(prepared) == before
    sizes = [
        len((prepared / "corpus" / f"{p}.en").read_text().split("\n")) for p in ("valid", "test")
    ]
    assert sizes == [21, 42]


def test_stages_ask_for_the_one_before(tiny, prepared, tmp_path):
    for stage in (train, evaluate):
        with pytest.raises(SharingError, match="no prepared data: run fairseq-sharing prepare"):
            stage(tiny, tmp_path / "nothing")
    with pytest.raises(SharingError, match=r"vanilla has no scores of test: run .* evaluate"):
        compare(tiny, tmp_path / "nothing", Console())
    without = tiny.select(["cycle rev"])
    for stage in (
        lambda: evaluate(without, prepared),
        lambda: compare(without, prepared, Console()),
    ):
        with pytest.raises(SharingError, match="--systems lacks the baseline 'vanilla'"):
            stage()


def test_training_leaves_all_that_made_it(tiny, trained):
    for run in runs_of(tiny, trained):
        assert run.checkpoint.exists()
        assert "--sharing-strategy" in (run.folder / "command.txt").read_text()
        assert '"torch"' in (run.folder / "versions.json").read_text()
        recorded = read_run(run.folder)
        assert dataclasses.replace(recorded, experiment=tiny) == run
        assert recorded.experiment.test_sets == tiny.test_sets
    before = contents(trained)
    train(tiny, trained)
    assert contents(trained) == before


def test_other_options_do_not_mix_with_a_training(tiny, trained):
    changed = dataclasses.replace(tiny, train={**tiny.train, "lr": 1e-3})
    for stage in (train, evaluate):
        with pytest.raises(SharingError, match=r"options\.lr: 0\.005 then, 0\.001 now"):
            stage(changed, trained)


def test_every_segment_is_scored_once(tiny, scored):
    for run in runs_of(tiny, scored):
        assert run.hypotheses("test").read_text().count("\n") == tiny.data.test_segments
    before = {path: time for path, time in contents(scored).items() if "scores" not in path.name}
    evaluate(tiny, scored)
    assert contents(scored).items() >= before.items()


def test_other_decoding_options_decode_again(tiny, scored):
    log = scored / "vanilla" / "generate.test.log"
    before = log.stat().st_mtime_ns
    evaluate(dataclasses.replace(tiny, generate={"beam": 1}).select(["vanilla"]), scored)
    assert log.stat().st_mtime_ns != before


def test_the_report(tiny, scored):
    console = Console(record=True, width=80)
    report = compare(tiny, scored, console)
    shown = console.export_text()
    assert "cycle rev" in shown
    assert "nrefs:1|bs:1000" in shown
    with (report / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["unique_layers"], row["layers"]) for row in rows] == [("2", "2"), ("2", "4")]
    assert rows[0]["parameters"] == rows[1]["parameters"]
    assert rows[0]["relative_speed"] == "1.0"
    assert [row["p_value"] for row in rows] == [row["p_value_all_sets"] for row in rows]
    assert 0 < float(rows[1]["p_value"]) <= 1
    assert {path.name for path in report.iterdir()} >= {"report.html", "table.md", "table.tex"}


def test_a_missing_checkpoint_is_named(tiny, scored):
    run = runs_of(tiny, scored)[1]
    hidden = run.checkpoint.rename(run.checkpoint.with_suffix(".away"))
    with pytest.raises(
        SharingError, match=r"cycle rev has no finished training .*checkpoint_best\.pt"
    ):
        evaluate(tiny, scored)
    hidden.rename(run.checkpoint)


def test_a_failing_training_is_named_and_stops_the_others(tiny, prepared, tmp_path):
    (tmp_path / "data-bin").symlink_to(prepared / "data-bin")
    (tmp_path / "corpus").symlink_to(prepared / "corpus")
    (tmp_path / "prepare.stage.json").symlink_to(prepared / "prepare.stage.json")
    good, bad = tiny.systems
    slow = dataclasses.replace(good, options={"max-update": 100000})
    wrong = dataclasses.replace(bad, options={"encoder-attention-heads": 3})
    with pytest.raises(SharingError, match=r"cycle rev: fairseq-train .*divisible.*train\.log"):
        train(dataclasses.replace(tiny, systems=(slow, wrong)), tmp_path)
    with exclusive(tmp_path):
        pass


@pytest.mark.slow
def test_a_terminated_training_stops_and_goes_on_later(tiny_file, own_text, tmp_path):
    tiny_file.write_text(tiny_file.read_text().replace("max-update = 12", "max-update = 300", 1))
    where = [str(tiny_file), "--runs", str(tmp_path / "my runs")]
    texts = ["--src", str(own_text[0]), "--tgt", str(own_text[1])]
    subprocess.run([CLI, "prepare", *where, *texts], check=True)
    folder = tmp_path / "my runs" / "tiny"
    checkpoint = folder / "vanilla" / "checkpoints" / "checkpoint_last.pt"
    with subprocess.Popen([CLI, "train", *where]) as process:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.terminate()
    assert process.returncode == 128 + signal.SIGTERM
    with exclusive(folder):
        pass
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)
    subprocess.run([CLI, "train", *where], check=True)
    log = (folder / "vanilla" / "train.log").read_text()
    assert log.count("Loaded checkpoint") == 1
    assert '"num_updates": "300"' in log
