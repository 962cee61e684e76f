"""Files that are no checkpoints, outputs that must not be lost, disks that are full."""

import fractions
import os
import pickle
import re
import resource
import subprocess

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from support import BIN, run

from fairseq_sharing.checkpoint.files import read_checkpoint, write_checkpoint
from fairseq_sharing.errors import SharingError


class Malicious:
    """Pickles to a call that makes a folder."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_a_file_with_code_is_refused_by_the_name_it_asks_for(tmp_path):
    made = tmp_path / "made"
    torch.save({"model": Malicious(made)}, tmp_path / "evil.pt")
    with pytest.raises(SharingError, match=r"evil\.pt: refused, it asks for \S*mkdir"):
        read_checkpoint(tmp_path / "evil.pt")
    assert not made.exists()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (fractions.Fraction(1, 2), "fractions.Fraction"),
        (np.datetime64("2020-01-01"), r"numpy\.dtype\('M8'\)"),
        (np.array([None]), r"numpy\.dtype\('O8'\)"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_its_own_name(tmp_path, tool, value, name):
    torch.save({"model": {}, "x": value}, tmp_path / "odd.pt")
    status, _, error = tool("inspect", tmp_path / "odd.pt")
    assert status == 2
    assert re.search(rf"odd\.pt: refused, it asks for {name}, which is not plain data", error)


VALUES = [
    *(np.int64(5), np.float32(0.5), np.bool_(True)),
    *(np.arange(4), np.arange(6.0).reshape(2, 3).T, np.arange(3, dtype=">i4"), np.array(7)),
]


@pytest.mark.parametrize("where", ["here", "in fairseq"])
def test_numpys_numbers_and_arrays_are_read_and_saved_again(tmp_path, where):
    content = {
        "model": {},
        "optimizer_history": [{"lr_scheduler_state": {}}],
        "extra_state": {"train_iterator": {"epoch": 1}, "metrics": VALUES},
    }
    for _ in range(2):
        torch.save(content, tmp_path / "counts.pt")
        path = tmp_path / "counts.pt"
        content = (
            read_checkpoint(path)
            if where == "here"
            else checkpoint_utils.load_checkpoint_to_cpu(str(path))
        )
        for got, wanted in zip(content["extra_state"]["metrics"], VALUES, strict=True):
            np.testing.assert_array_equal(got, wanted)
            assert np.asarray(got).dtype.kind == wanted.dtype.kind


def test_other_programs_that_import_the_plugin_load_no_more_than_before(tmp_path):
    torch.save(np.int64(5), tmp_path / "number.pt")
    with pytest.raises(pickle.UnpicklingError, match=r"multiarray\.scalar"):
        torch.load(tmp_path / "number.pt", weights_only=True)


@pytest.mark.parametrize("state", [(1, (2,), "four"), (1, (-1,), "four"), (1, (2**62, 4), "four")])
def test_an_array_of_another_size_than_its_bytes_is_refused(tmp_path, state):
    class Lying:
        def __reduce__(self):
            version, shape, data = state
            made = np.core.multiarray._reconstruct, (np.ndarray, (0,), b"b")
            return (*made, (version, shape, np.dtype("i4"), False, data.encode()))

    torch.save({"model": {}, "x": Lying()}, tmp_path / "lying.pt")
    with pytest.raises(SharingError, match="not a readable checkpoint"):
        read_checkpoint(tmp_path / "lying.pt")


def test_the_update_count_of_a_large_file_is_read_without_its_tensors(tmp_path):
    content = {"model": {"w": torch.zeros(50_000_000)}, "optimizer_history": [{"num_updates": 7}]}
    torch.save(content, tmp_path / "large.pt")
    reader = (
        "import resource, sys; from pathlib import Path; from fairseq_sharing.checkpoint.contents "
        "import Checkpoint; peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "before = peak(); print(Checkpoint.read(Path(sys.argv[1]), mapped=True).num_updates, "
        "peak() - before)"
    )
    updates, kilobytes = run("python", "-c", reader, tmp_path / "large.pt").stdout.split()[-2:]
    assert (updates, int(kilobytes) < 50_000) == ("7", True)


@pytest.mark.parametrize("size", [0, 1, 100, 5_000, 20_000, -1])
def test_a_truncated_file_is_refused(save, tmp_path, size):
    whole = save().read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[:size])
    with pytest.raises(SharingError, match=r"cut\.pt: not a readable checkpoint"):
        read_checkpoint(tmp_path / "cut.pt")


@pytest.mark.parametrize("content", [b"plain text\n" * 100, bytes(range(256)) * 40, b"PK\x03\x04"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(SharingError, match=r"other\.pt"):
        read_checkpoint(tmp_path / "other.pt")


@pytest.mark.parametrize(
    "content",
    [
        *({"epoch": 3}, [1, 2], {"model": 3}, {"model": {"a": 3}}, torch.ones(3)),
        *({"model": {}, "extra_state": [1]}, {"model": {}, "cfg": "transformer"}),
        {"model": {}, "optimizer_history": [3]},
    ],
)
def test_a_torch_file_without_a_model_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(SharingError, match="no fairseq checkpoint"):
        read_checkpoint(tmp_path / "weights.pt")


def test_folders_and_missing_files_are_named(tmp_path):
    with pytest.raises(SharingError, match="is a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(SharingError, match=r"nothing\.pt: No such file"):
        read_checkpoint(tmp_path / "nothing.pt")


def test_an_existing_output_is_kept_unless_forced(tmp_path):
    output = tmp_path / "out.pt"
    output.write_bytes(b"precious")
    with pytest.raises(SharingError, match=r"out\.pt exists and is kept.*--force"):
        write_checkpoint({"model": {}}, output)
    assert output.read_bytes() == b"precious"
    write_checkpoint({"model": {}}, output, force=True)
    assert read_checkpoint(output) == {"model": {}}


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(SharingError, match="is a folder"):
        write_checkpoint({"model": {}}, tmp_path)
    with pytest.raises(SharingError, match="there is no folder"):
        write_checkpoint({"model": {}}, tmp_path / "none" / "out.pt")


def test_an_output_that_is_a_device_or_a_pipe_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SharingError, match="pipe is no regular file"):
        write_checkpoint({"model": {}}, tmp_path / "pipe", force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_output_has_the_permissions_of_other_new_files(tmp_path):
    (tmp_path / "other").touch()
    write_checkpoint({"model": {}}, tmp_path / "out.pt")
    assert (tmp_path / "out.pt").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_full_disk_leaves_the_old_file_and_nothing_else(save, tmp_path):
    source = save()
    output = tmp_path / "out" / "model.pt"
    output.parent.mkdir()
    output.write_bytes(b"precious")
    command = [BIN / "fairseq-sharing", "checkpoint", "strip", source]
    result = subprocess.run(
        [*command, "--output", output, "--force"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"fairseq-sharing: error: cannot write {output}: File too large; "
        "what was there before is intact"
    ]
    assert output.read_bytes() == b"precious"
    assert list(output.parent.iterdir()) == [output]
