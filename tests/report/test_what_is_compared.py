"""A report is of what its folders hold now, wherever they lie, and says what was not done alike."""

import dataclasses
import shutil

import pytest
from planted_runs import EXPERIMENT

from fairseq_sharing import SharingError
from fairseq_sharing.cli import main
from fairseq_sharing.experiment.runs import save_run
from fairseq_sharing.experiment.stages import Stage
from fairseq_sharing.files import sha256, write_json
from fairseq_sharing.report.collect import find_runs
from fairseq_sharing.report.summary import summarise
from fairseq_sharing.report.tables import beside_paper, results


def test_a_run_that_was_moved_and_linked_back_is_found(own, tmp_path, monkeypatch):
    shutil.move(own / "deep_rev", tmp_path / "big disk")
    (own / "deep_rev").symlink_to(tmp_path / "big disk")
    (own / "again").symlink_to(own)
    runs = find_runs([own])
    assert [run.name for run in runs] == ["base", "base-seed2", "deep_rev", "deep_rev-seed2"]
    assert len(results(summarise(runs)).rows) == 2
    monkeypatch.chdir(own)
    assert [run.folder for run in find_runs([runs[2].folder.relative_to(own)])] == [
        own / "deep_rev"
    ]


def test_translations_of_as_many_lines_that_were_never_scored(own):
    (run, *_) = runs = find_runs([own])
    paths = {name: run.hypotheses(name) for name in ("newstest2013", "newstest2014")}
    settings = {name: {"hypotheses": sha256(path)} for name, path in paths.items()}
    Stage(run.folder, "score", settings).finish()
    assert summarise(runs)
    paths["newstest2014"].write_text("other\n" * 30)
    with pytest.raises(
        SharingError, match=r"newstest2014\.txt is not what the score .* evaluate ag"
    ):
        summarise(runs)


def test_options_of_decoding_that_differ_are_named(own):
    runs = find_runs([own])
    note = "not the same for all: "
    assert note not in results(summarise(runs)).notes[0]
    greedy = dataclasses.replace(runs[2].experiment, generate={"beam": 1, "max-tokens": 9})
    save_run(dataclasses.replace(runs[2], experiment=greedy))
    (first, *_) = results(summarise(find_runs([own]))).notes
    assert f"{note}beam 2 (base, base-seed2, deep_rev-seed2) and 1 (deep_rev)" in first


def test_a_small_p_value_is_not_nothing(planted):
    report = summarise(find_runs([planted]))
    values = {1: 0.00009999, 2: 0.03}
    rows = [dataclasses.replace(row, p_values=values) for row in report.rows]
    table = results(dataclasses.replace(report, rows=tuple(rows)))
    assert {row[-1] for row in table.rows} == {"<0.001–0.030"}


def test_speeds_that_are_relative_to_other_systems_have_no_difference(planted):
    table = beside_paper(summarise(find_runs([planted]), baseline="deep_rev"))
    assert [row[2] for row in table.rows] == ["x2.00", "x1.00", "-", "x1.00", "x0.63", "-"]


def test_an_experiment_that_was_changed_after_its_trainings(own, capsys):
    for run in find_runs([own]):
        write_json(run.training.stamp, {"finished": True, "settings": run.training.settings})
    arguments = ["compare", str(own.with_suffix(".toml")), "--runs", str(own.parent)]
    assert main(arguments) == 0
    capsys.readouterr()
    own.with_suffix(".toml").write_text(EXPERIMENT.replace("layers = 12", "layers = 18"))
    assert main(arguments) == 2
    line = capsys.readouterr().err
    assert "'train' was begun with other settings (layers: 12 then, 18 now)" in line
