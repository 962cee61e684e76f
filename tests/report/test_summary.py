"""The report's figures, worked out again with numpy and sacreBLEU's own command."""

import json
import re

import numpy as np
import pytest
from support import run as run_command

from fairseq_sharing.cli import main
from fairseq_sharing.files import write_json
from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import beside_paper, results, tables_of, times_to_loss

YEARS = ("newstest2013", "newstest2014")


def scores_of(folder, *names):
    """BLEU as the runs' files have it: a row a run, a column a test set."""
    files = [json.loads((folder / name / "scores.json").read_text()) for name in names]
    return np.array([[score["bleu"] for score in file.values()] for file in files])


def test_means_and_deviations_are_over_seeds(planted):
    report = summarise(find_runs([planted]))
    bleu = scores_of(planted, "deep_rev", "deep_rev-seed2")
    row = report.rows[1]
    figure = row.figure("newstest2014")
    assert (figure.mean, figure.spread) == pytest.approx(
        (bleu[:, 1].mean(), bleu[:, 1].std(ddof=1))
    )
    average = row.average()
    each = bleu.mean(1)
    assert (average.mean, average.spread) == pytest.approx((each.mean(), each.std(ddof=1)))


@pytest.mark.parametrize("test", ["bs", "ar"])
def test_p_values_are_those_of_sacrebleu_on_all_test_sets_together(planted, tmp_path, test):
    report = summarise(find_runs([planted]), test=test)
    joined = {"ref": [planted / "corpus" / f"{year}.de" for year in YEARS]}
    for system in ("base", "deep_rev"):
        joined[system] = [planted / f"{system}-seed2" / f"hypotheses.{y}.txt" for y in YEARS]
    for name, parts in joined.items():
        (tmp_path / name).write_text("".join(path.read_text() for path in parts))
    options = ("-i", "base", "deep_rev", "-m", "bleu", f"--paired-{test}", "--format", "json")
    printed = run_command("sacrebleu", "ref", *options, cwd=tmp_path).stdout
    compared = json.loads(printed[printed.index("[\n") :])[1]
    assert report.rows[1].p_values[2] == pytest.approx(compared["BLEU"]["p_value"], abs=1e-4)
    assert report.rows[1].p_values.keys() == {1, 2}
    assert report.rows[0].p_values == {}


def test_the_papers_table_and_the_differences(planted):
    report = summarise(find_runs([planted]))
    base = scores_of(planted, "base", "base-seed2").mean(0)
    table = beside_paper(report)
    assert table.columns == ("system", "parameters", "training speed", "2013", "2014")
    assert table.rows[1] == ("paper: Vanilla 6/6", "61M", "x1.00", "26.13", "27.13")
    assert table.rows[4] == ("paper: Cycle (rev) 6/12", "61M", "x0.63", "26.68", "27.72")
    assert table.rows[2][3:] == (f"{base[0] - 26.13:+.2f}", f"{base[1] - 27.13:+.2f}")
    assert table.rows[5][2] == "-0.13"
    assert "paper" not in results(report).columns


def test_speed_is_measured_in_turns_or_read_from_logs_of_the_same_machine(own):
    runs = find_runs([own])
    note = "relative to base, in tokens a second of the trainings' logs"
    table = results(summarise(runs))
    assert [row[4] for row in table.rows] == ["x1.00", "x0.50"]
    assert note in table.notes[0]
    versions = own / "deep_rev" / "versions.json"
    write_json(versions, json.loads(versions.read_text()) | {"cpu": "B"})
    table = results(summarise(runs))
    assert [row[4] for row in table.rows] == ["x1.00", "-"]
    assert "- where the hardware is not known to be the baseline's" in table.notes[0]
    speeds = {run.system.name: 10 if run.system.name == "base" else 7.5 for run in runs}
    write_json(own / "speed.json", speeds)
    table = results(summarise(runs))
    assert [row[4] for row in table.rows] == ["x1.00", "x0.75"]
    assert "all systems taking turns at the same batches" in table.notes[0]


def test_time_to_a_loss_needs_every_seed_to_get_there(planted):
    runs = find_runs([planted])
    table = times_to_loss(summarise(runs))
    assert table.columns[-2:] == ("updates to 3.900", "minutes to 3.900")
    assert [row[-2:] for row in table.rows] == [("100", "0.2"), ("100", "0.4")]
    table = times_to_loss(summarise(runs, valid_loss=2.85))
    assert [row[-2:] for row in table.rows] == [("-", "-"), ("-", "-")]
    table = times_to_loss(summarise(runs, valid_loss=4.5))
    assert [row[-2:] for row in table.rows] == [("100", "0.2"), ("50", "0.2")]


def test_one_seed_shows_the_interval_of_its_segments(planted):
    report = summarise(find_runs([planted / "base", planted / "deep_rev"]))
    interval = json.loads((planted / "base" / "scores.json").read_text())["newstest2013"]
    table = results(report)
    assert table.rows[0][5] == f"{interval['bleu']:.1f} ± {interval['bleu_interval']:.1f}"
    assert "BLEU with its 95 % interval" in table.notes[0]


def test_the_baseline_can_be_chosen(planted):
    report = summarise(find_runs([planted]), baseline="deep_rev")
    assert [row.label for row in report.rows if not row.p_values] == ["deep_rev"]
    assert report.best.label == "base"
    assert [row[4] for row in results(report).rows] == ["x2.00", "x1.00"]


def test_a_row_says_what_was_done_and_not_what_was_asked_for(own):
    for log in own.glob("*/train.log"):
        log.write_text(log.read_text().replace('"100"', '"92"'))
    tables = tables_of(summarise(find_runs([own])))
    early = "stopped after 92 of 100 updates"
    titles = [f"{name} (seed 1 {early}, seed 2 {early})" for name in ("base", "deep_rev")]
    results, *_, times = tables
    assert [row[0] for row in results.rows] == [row[0] for row in times.rows] == titles
    assert [row[1] for row in times.rows] == ["92", "92"]
    assert results.notes[0].startswith("92 updates each; ")
    assert [row[2] for row in times.rows] == ["0.2", "0.4"]  # 92 / 8 and 92 / 4 seconds


@pytest.mark.parametrize("loss", ["inf", "nan"])
@pytest.mark.parametrize("system", ["base", "deep_rev"])
def test_a_training_that_diverged_is_reported_as_that(own, capsys, loss, system):
    for log in own.glob(f"{system}*/train.log"):
        lines = log.read_text().splitlines(keepends=True)
        lines[-1] = re.sub(r'"valid_loss": "[\d.]+"', f'"valid_loss": "{loss}"', lines[-1])
        log.write_text("".join(lines))
    assert main(["report", str(own)]) == 0
    assert f"{system} (seed 1 diverged, seed 2 diverged)" in capsys.readouterr().out
    for file in (own / "report").iterdir():
        assert not re.search(r"\b(nan|inf)\b", file.read_text())


def test_seeds_that_stopped_apart_show_the_fewest_and_the_most_updates(own):
    log = own / "base" / "train.log"
    log.write_text(log.read_text().replace('"100"', '"92"'))
    report = summarise(find_runs([own]))
    assert tables_of(report)[-1].rows[0][:2] == (
        "base (seed 1 stopped after 92 of 100 updates)",
        "92–100",
    )
    assert "updates differ, see below" in tables_of(report)[0].notes[0]
