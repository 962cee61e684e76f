"""A model serves as many subwords as it was trained for, and says what it cuts."""

import json
import re
import subprocess

import pytest
from shipping import PRE_NORM, SHARED, train
from support import BIN

from fairseq_sharing import SharingError
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.translate import MAX_LENGTH, Translator

SOURCE, TARGET = 40, 30
LEARNED = (
    *("--encoder-learned-pos", "--decoder-learned-pos"),
    *("--max-source-positions", SOURCE, "--max-target-positions", TARGET),
)
LONG = " ".join(["red dog sees the house"] * 100)


@pytest.fixture(scope="module")
def learned(trained, tmp_path_factory):
    """An export with learned positions that is hardly trained, so that it does not stop."""
    folder = tmp_path_factory.mktemp("learned")
    train(trained, folder, *SHARED, *PRE_NORM, *LEARNED, updates=2)
    checkpoint = Checkpoint.read(folder / "checkpoint_last.pt")
    export_ct2(checkpoint, trained.data, folder / "en-de", sentencepiece=trained.spm)
    return folder / "en-de"


def translate(model, text):
    """The command's lines on both streams."""
    done = subprocess.run(
        [BIN / "fairseq-sharing", "translate", "--model", model],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_learned_positions_are_respected_on_both_sides(learned):
    assert json.loads((learned / "positions.json").read_text()) == {
        "source": SOURCE,
        "target": TARGET,
    }
    translations, said = translate(learned, f"red dog\n{LONG}\n\n")
    assert len(translations) == 3
    assert translations[2] == ""
    assert re.fullmatch(
        rf"fairseq-sharing: line 2 has \d+ subwords and is cut at {SOURCE - 1}, the most that the "
        "model takes: split it into sentences",
        said[0],
    )
    cut = f"its translation is cut at {TARGET - 1} subwords"
    assert said[1:] == [f"fairseq-sharing: line {number}: {cut}" for number in (1, 2)]


def test_a_line_that_just_fits_is_whole(learned, caplog):
    translator = Translator(learned)
    just = " ".join(["red"] * (SOURCE - 1))
    assert len(translator._encode(1, just)) == SOURCE - 1
    assert "is cut at" not in caplog.text
    assert len(translator._encode(7, just + " red")) == SOURCE - 1
    assert "line 7 has" in caplog.text


def test_sinusoidal_positions_are_those_of_training(exported, caplog):
    text = " ".join(["red"] * 3000)
    assert len(list(Translator(exported).translate([text], beam=1))) == 1
    assert "line 1 has 3000 subwords and is cut at 1023" in caplog.text


def test_an_export_without_the_file_has_fairseqs_default(exported, tmp_path):
    for path in exported.iterdir():
        if path.name != "positions.json":
            (tmp_path / path.name).symlink_to(path)
    assert Translator(tmp_path)._positions == (1024, 1024)
    assert MAX_LENGTH < 1024


@pytest.mark.parametrize("content", ["", "{}x", '{"source": 1}', '{"source": "a", "target": 3}'])
def test_a_damaged_file_is_named(exported, tmp_path, content):
    for path in exported.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "positions.json").unlink()
    (tmp_path / "positions.json").write_text(content)
    with pytest.raises(SharingError, match=r"positions\.json is damaged .* export ct2"):
        Translator(tmp_path)
