"""An experiment on a planted WikiText from its files to the table beside the paper's."""

import json
import math
import re
from pathlib import Path

import pytest
from planted_wikitext import plant_wikitext, text
from support import PLUGIN, run
from tiny_texts import write_wiki

from fairseq_sharing.evaluation.likelihoods import read_losses
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import beside_paper

pytestmark = pytest.mark.slow

SHORT = " = Short = \n \n baba \n"
"""Seven tokens: less than a sample of 32, and less than the context of one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The run folder of the experiment, all stages done; its second test set is short."""
    made = tmp_path_factory.mktemp("wiki")
    (plant_wikitext(made / "cache") / "wiki.valid.tokens").write_text(SHORT)
    file = write_wiki(made)
    for stage, *options in (("prepare",), ("train", "--no-speed"), ("evaluate",), ("compare",)):
        words = (stage, file, "--runs", made / "runs", *options)
        printed = run("fairseq-sharing", *words, env={"XDG_CACHE_HOME": str(made / "cache")}).stdout
        (made / f"{stage}.txt").write_text(printed)
    return made / "runs" / "wiki"


def tokens(content: str) -> int:
    return sum(len(line.split()) + 1 for line in content.splitlines())


def test_every_token_of_every_test_set_is_scored_once(folder):
    scores = json.loads((folder / "deep" / "scores.json").read_text())
    sizes = {"wikitext-103": tokens(text("test")), "again": tokens(SHORT)}
    assert sizes["again"] == 7
    for name, size in sizes.items():
        assert scores[name]["tokens"] == scores[name]["words"] == size
        log = (folder / "deep" / f"evaluate.{name}.log").read_text()
        assert f"Perplexity: {scores[name]['perplexity']:.2f}" in log
    assert (scores["wikitext-103"]["documents"], scores["again"]["documents"]) == (14, 1)
    assert scores["again"]["perplexity_interval"] is None


def test_the_table_has_every_test_set_and_a_test_on_all_of_them(folder):
    table = (folder.parents[1] / "compare.txt").read_text()
    assert re.search(
        r"system +M +N +parameters +training speed +wikitext-103 +again +average", table
    )
    assert "again: perplexity of 7 tokens, and of the same text by its 7 words" in table
    assert "perplexity (lower is better) with its 95 % interval" in table
    report = summarise(find_runs([folder]))
    vanilla, deep = report.rows
    assert vanilla.p_values == {}
    assert 0 < deep.p_values[1] <= 1
    for row in report.rows:
        loss = read_losses(row.first.run, "again").sum()
        assert row.figure("again").mean == pytest.approx(math.exp(loss / 7))


def test_perplexities_stand_beside_the_papers(folder):
    report = summarise(find_runs([folder]))
    table = beside_paper(report)
    assert table.columns == ("system", "parameters", "training speed", "wikitext-103")
    own = report.rows[1].figure("wikitext-103").mean
    assert table.rows[1] == ("paper: Sequence 6/12", "121M", "-", "19.69")
    assert table.rows[2] == ("difference", "", "-", f"{own - 19.69:+.2f}")
    assert "Table 5: perplexity on the test split of WikiText-103, lower is b" in table.notes[0]
    page = (folder / "report" / "report.html").read_text()
    assert "paper: Sequence 6/12" in page
    assert "BLEU" not in page
    assert "paper_perplexity" in (folder / "report" / "table.csv").read_text()


def test_a_model_of_another_dictionary_is_one_line(folder, tmp_path):
    (tmp_path / "words").write_text("".join(f"w{number}\n" for number in range(200)))
    words = ("--only-source", "--trainpref", tmp_path / "words", "--testpref", tmp_path / "words")
    run("fairseq-preprocess", *words, "--destdir", tmp_path / "bin")
    checkpoint = runs_of(load(folder.parents[1] / "wiki.toml"), folder)[1].checkpoint
    printed = run(
        *("fairseq-eval-lm", tmp_path / "bin", "--user-dir", PLUGIN, "--path", checkpoint),
        *("--task", "language_modeling", "--gen-subset", "test", "--cpu"),
        check=False,
    )
    assert printed.returncode != 0
    assert "Traceback" not in printed.stdout
    assert re.match(
        "error: the checkpoint does not fit the model: size mismatch for .* the dictionaries that "
        "the checkpoint was trained with$",
        printed.stdout.splitlines()[-1],
    )
