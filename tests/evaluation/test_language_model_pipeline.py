"""An experiment with language models from text to the table, through the commands."""

import json

import pytest
from support import run

from fairseq_sharing.cli import main
from fairseq_sharing.evaluation.likelihoods import read_losses
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import runs_of

pytestmark = pytest.mark.slow


def test_from_text_to_the_table(texts_file, own_text, capsys):
    runs = ("--runs", texts_file.parent / "runs")
    source, target = own_text
    run("fairseq-sharing", "prepare", texts_file, *runs, "--src", source, "--tgt", target)
    run("fairseq-sharing", "train", texts_file, *runs, "--no-speed")
    printed = run("fairseq-sharing", "evaluate", texts_file, *runs).stdout
    assert "evaluated test by vanilla: 41 lines" in printed
    again = run("fairseq-sharing", "evaluate", texts_file, *runs).stdout
    assert "evaluated" not in again
    folder = texts_file.parent / "runs" / "texts"
    scores = json.loads((folder / "vanilla" / "scores.json").read_text())["test"]
    lines = (folder / "corpus" / "test.en").read_text().splitlines()
    pieces = (folder / "spm" / "test.en").read_text().splitlines()
    assert scores["tokens"] == sum(len(line.split()) + 1 for line in pieces)
    assert scores["words"] == sum(len(line.split()) + 1 for line in lines)
    losses = read_losses(runs_of(load(texts_file), folder)[0], "test")
    assert len(losses) == 41
    logged = (folder / "vanilla" / "evaluate.test.log").read_text()
    assert f"Perplexity: {scores['perplexity']:.2f}" in logged
    table = run("fairseq-sharing", "compare", texts_file, *runs).stdout
    assert "perplexity" in table
    assert "BLEU" not in table
    page = (folder / "report" / "report.html").read_text()
    assert "BLEU" not in page
    assert "Sentences" not in page
    assert main(["report", str(folder), "--test", "ar"]) == 2
    assert "perplexities are tested by bs" in capsys.readouterr().err
    path = folder / "vanilla" / "losses.test.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main(["report", str(folder)]) == 2
    assert "does not have a number for each of the 41 lines of test" in capsys.readouterr().err
