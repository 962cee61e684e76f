"""Stages are done once, refuse other settings, and one run at a time works in a folder."""

import subprocess

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.experiment.stages import Stage
from fairseq_sharing.files import exclusive, write_lines, write_text


def test_a_stage_is_finished_while_its_outputs_exist(tmp_path):
    output = tmp_path / "output"
    stage = Stage(tmp_path / "run", "train", {"betas": (0.9, 0.98)}, (output,))
    assert not stage.is_finished()
    stage.begin()
    output.touch()
    assert not stage.is_finished()
    stage.finish()
    assert stage.is_finished()
    output.unlink()
    assert not stage.is_finished()


def test_other_settings_are_refused_and_named(tmp_path):
    Stage(tmp_path, "train", {"options": {"lr": 0.1, "beam": 4}, "seed": 1}).begin()
    changed = Stage(tmp_path, "train", {"options": {"lr": 0.2, "beam": 4}, "seed": 1})
    assert not changed.is_finished()
    with pytest.raises(SharingError, match=r"options\.lr: 0\.1 then, 0\.2 now\): remove .* --runs"):
        changed.refuse_changes()


def test_text_is_written_whole(tmp_path):
    write_lines(tmp_path / "new" / "file", ["ä", ""])
    assert (tmp_path / "new" / "file").read_bytes() == "ä\n\n".encode()
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "new" / "file", "half \udcff")
    assert (tmp_path / "new" / "file").read_bytes() == "ä\n\n".encode()


def test_a_folder_is_held_while_a_child_lives(tmp_path):
    with exclusive(tmp_path) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
        with pytest.raises(SharingError, match="another run is at work in"), exclusive(tmp_path):
            pass
    with pytest.raises(SharingError, match="another run is at work in"), exclusive(tmp_path):
        pass
    child.kill()
    child.wait()
    with exclusive(tmp_path):
        pass
