"""Stages are done once, refuse other settings, and one run at a time works in a folder."""

import errno
import fcntl
import json
import subprocess

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.experiment.stages import Stage
from fairseq_sharing.files import exclusive, sha256, write_lines, write_text


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


def test_a_stage_is_done_again_when_what_it_read_has_changed(tmp_path):
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_text("one")
    output.write_text("two")
    stage = Stage(tmp_path, "copy", {}, (output,))
    stage.finish([source], {"lines": 1})
    assert stage.is_finished()
    source.write_text("other")
    assert stage.reason_to_do() == f"{source} has changed"
    source.unlink()
    assert stage.is_finished()


def test_a_record_has_settings_counts_and_checksums_in_one_format(tmp_path):
    (tmp_path / "in").write_text("a")
    (tmp_path / "out").write_text("b")
    alone = Stage(tmp_path, "train", {"seed": 1}, (tmp_path / "out",))
    together = Stage(tmp_path, "train", {"seed": 1}, (tmp_path / "out",), tmp_path / "all.json")
    Stage(tmp_path, "other", {}, (), tmp_path / "all.json").finish(facts={"corpus": "own"})
    for stage in (alone, together):
        stage.finish([tmp_path / "in"], {"lines": 3})
    records = [json.loads(stage.stamp.read_text())["steps"]["train"] for stage in (alone, together)]
    assert records[0] == records[1]
    assert records[0] == {
        "finished": True,
        "settings": {"seed": 1},
        "counts": {"lines": 3},
        "inputs": {"in": sha256(tmp_path / "in")},
        "outputs": {"out": sha256(tmp_path / "out")},
    }
    assert list(json.loads((tmp_path / "all.json").read_text())) == ["corpus", "steps"]
    together.start_over()
    assert list(json.loads((tmp_path / "all.json").read_text())["steps"]) == ["other"]


@pytest.mark.parametrize("finished", [True, False])
def test_records_of_earlier_versions_are_read(tmp_path, finished):
    old = {"finished": finished, "settings": {"betas": [0.9, 0.98]}}
    (tmp_path / "train.stage.json").write_text(json.dumps(old))
    stage = Stage(tmp_path, "train", {"betas": (0.9, 0.98)})
    assert stage.is_finished() is finished
    with pytest.raises(SharingError, match="was begun with other settings"):
        Stage(tmp_path, "train", {"betas": (0.9, 0.99)}).refuse_changes()
    record = {"settings": {"a": [1]}, "counts": {}, "inputs": {}, "outputs": {}}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"corpus": "own", "steps": {"corpus": record}}))
    assert Stage(tmp_path, "corpus", {"a": (1,)}, (), manifest).is_finished()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0\0\0", b"{", b"[]", b"7", b"\xff", b"[" * 10**5, b'{"settings": 1}'),
        *(b'{"steps": 1}', b'{"steps": {"train": {}}}', b'{"steps": {"train": []}}'),
    ],
)
def test_a_damaged_record_is_one_line_that_says_what_to_remove(tmp_path, content):
    stage = Stage(tmp_path, "train", {})
    stage.stamp.write_bytes(content)
    for use in (stage.is_finished, stage.refuse_changes, stage.recorded, stage.begin):
        with pytest.raises(
            SharingError, match=r"train\.stage\.json .*: remove it, then run"
        ) as caught:
            use()
        assert "\n" not in str(caught.value)
    stage.start_over()
    assert not stage.is_finished()


def test_where_there_are_no_locks_it_says_so_and_what_to_do(tmp_path, monkeypatch):
    def without(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", without)  # what a file system without flock answers
    said = r"file system without locks .*--runs.*-o flock"
    with pytest.raises(SharingError, match=said), exclusive(tmp_path):
        pass


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
