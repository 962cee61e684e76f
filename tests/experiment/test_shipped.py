"""Experiments by name: those of the package from any folder, one's own by path."""

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.cli import main
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.shipped import FOLDER, names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working folder with a TOML file that is no experiment."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_experiment_goes_by_its_name(capsys):
    assert main(["experiments"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"The files are in {FOLDER}"
    listed = dict(line.split(maxsplit=1) for line in lines[:-2])
    assert list(listed) == names()
    for name, sentence in listed.items():
        assert load_by(name).name == name
        assert sentence.endswith(".")
    assert listed["de_en"].startswith("The reverse direction, German to English, on the data")


def test_ones_own_file_comes_first_and_may_extend_one_of_the_package(elsewhere):
    (elsewhere / "mine.toml").write_text('extends = "strategies"\nseeds = [7]\n')
    assert load_by("mine").seeds == (7,)
    (elsewhere / "admin.toml").write_text('extends = "mine"\nbaseline = "cycle"\n')
    assert (load_by("admin").baseline, load_by("admin").seeds) == ("cycle", (7,))
    assert load_by("demo.toml").seeds == (1,)


@pytest.mark.parametrize("name", ["wmt16", "wmt16.toml", "none/wmt16_en_de", "pyproject/x"])
def test_an_unknown_experiment_is_answered_with_those_there_are(name):
    with pytest.raises(SharingError) as refused:
        load_by(name)
    assert f"cannot read experiment {name.removesuffix('.toml')}.toml: No such " in str(
        refused.value
    )
    assert str(refused.value).endswith(
        f"give the path of your own file or one of these names: {', '.join(names())}"
    )


def test_a_folder_of_experiments_is_answered_with_what_it_has(elsewhere):
    (elsewhere / "own").mkdir()
    (elsewhere / "own" / "tiny.toml").touch()
    for name in ("own", "own/none"):
        with pytest.raises(SharingError, match=r"; that folder has tiny$"):
            load_by(name)


def load_by(name):
    return load(type(FOLDER)(name))
