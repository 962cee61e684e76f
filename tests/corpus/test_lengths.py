"""Segments with more subwords than models take are dropped or named before any training."""

import dataclasses
import json
import re

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.lengths import drop_longer, refuse_longer
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.experiment.checks import check_experiment
from fairseq_sharing.experiment.positions import Positions, common_positions
from fairseq_sharing.training.train import train

HEX = "0123456789abcdef" * 80


@pytest.fixture
def sides(tmp_path):
    """Three pairs; the second is too long for 4 source positions, the third for 3 target ones."""
    paths = tmp_path / "valid.en", tmp_path / "valid.de"
    paths[0].write_text("a b c\na b c d\na\n")
    paths[1].write_text("x\nx\nx y z\n")
    return paths


def test_pairs_that_are_too_long_on_a_side_are_dropped(sides):
    assert drop_longer(sides, Positions(5, 4)) == (0, [0, 0])
    assert drop_longer(sides, Positions(4, 3)) == (2, [5, 4])
    assert [path.read_text() for path in sides] == ["a b c\n", "x\n"]
    with pytest.raises(SharingError, match="every training pair has more subwords than models"):
        drop_longer(sides, Positions(3, 3))
    assert [path.read_text() for path in sides] == ["a b c\n", "x\n"]


@pytest.mark.parametrize(
    ("positions", "named"),
    [
        (Positions(4, 4), "valid, segment 2 has 4 subwords and its translation 1: more than"),
        (Positions(5, 3), "valid, segment 3 has 1 subwords and its translation 3: more than"),
    ],
)
def test_segments_to_score_are_named(sides, positions, named):
    refuse_longer(sides, Positions(5, 4))
    with pytest.raises(SharingError, match=re.escape(named)) as refused:
        refuse_longer(sides, positions)
    advice = r"Give \[train\] max-(source|target)-positions = [45] or more"
    assert re.search(advice, str(refused.value))


def with_train(experiment, **options):
    options = {name.replace("_", "-"): value for name, value in options.items()}
    return dataclasses.replace(experiment, train={**experiment.train, **options})


def test_positions_are_those_that_every_system_takes(tiny):
    assert common_positions(tiny) == (1024, 1024)
    own = dataclasses.replace(tiny.systems[1], options={"max-target-positions": 30})
    both = dataclasses.replace(
        with_train(tiny, max_source_positions=2048), systems=(tiny.systems[0], own)
    )
    assert common_positions(both) == (2048, 30)
    with pytest.raises(SharingError, match=r"max-source-positions = 40\.5 must be a whole number"):
        check_experiment(with_train(tiny, max_source_positions=40.5))


@pytest.fixture
def with_a_long_word(own_text, tmp_path):
    """The text with one pair whose source is a single word of 1,280 hexadecimal digits."""
    paths = tmp_path / "my.en", tmp_path / "my.de"
    for path, before, line in zip(paths, own_text, (HEX, "menba"), strict=True):
        path.write_text(before.read_text() + line + "\n")
    return paths


def test_a_long_word_is_dropped_and_counted_before_training(
    tiny, with_a_long_word, tmp_path, capsys
):
    folder = tmp_path / "runs"
    prepare(tiny, folder, with_a_long_word)
    assert (
        "prepare: encoding: dropped 1 of the training pairs for having more subwords than "
        "max-source-positions or max-target-positions\n"
    ) in capsys.readouterr().out
    counts = json.loads((folder / "corpus/manifest.json").read_text())["steps"]["encoding"]
    pieces = [(folder / "spm" / f"train.{side}").read_text() for side in ("en", "de")]
    assert counts["counts"]["longer than positions"] == 1
    assert counts["counts"]["subwords"]["train.en"] == len(pieces[0].split())
    assert max(len(line.split()) for line in pieces[0].splitlines()) < 1023
    assert pieces[0].count("\n") == pieces[1].count("\n")


def test_what_a_training_would_fail_on_is_said_before_it(tiny, own_text, tmp_path):
    folder = tmp_path / "runs"
    prepare(tiny, folder, own_text)
    for options, said in [
        ({"max_tokens": 10}, r"system \w.*: max-tokens = 10 is less than the \d+ tokens of train,"),
        ({"max_tokens_valid": 10}, r"max-tokens-valid = 10 is less than the \d+ tokens of valid,"),
        ({"max_source_positions": 9}, r"valid, segment \d+ has \d+ subwords .*positions = 9 and"),
    ]:
        with pytest.raises(SharingError, match=said):
            train(with_train(tiny, **options), folder)
    assert not list(folder.rglob("train.log"))
