"""Files of parallel text: bad ones are named, others are read a line at a time."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.parallel_text import ITS_OWN, read_lines, sampled_lines, stream_parallel
from fairseq_sharing.corpus.sources import open_files


def pair(folder, source: bytes, target: bytes):
    (folder / "a.en").write_bytes(source)
    (folder / "a.de").write_bytes(target)
    return folder / "a.en", folder / "a.de"


def test_lines_may_be_windows_like_and_unfinished(tmp_path):
    files = pair(tmp_path, b"\xef\xbb\xbfone\r\ntwo", "eins\nzwei\u2028\n".encode())
    assert list(stream_parallel(*files)) == [
        (ITS_OWN, "one\r", "eins"),
        (ITS_OWN, "two", "zwei\u2028"),
    ]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (b"one\ntwo\n", b"eins\n", r"--src .*a\.en has 2 lines, --tgt .*a\.de has 1: line i"),
        (b"", b"eins\n", r"a\.en is empty"),
        (b"one\n", b"\n \n", r"a\.de is empty"),
        (b"one\ntwo\n", b"eins\nzw\xf6lf\n", r"a\.de, line 2: not UTF-8 \(byte 0xf6\).*iconv"),
    ],
)
def test_bad_files_are_named_before_anything_is_read(tmp_path, source, target, message):
    with pytest.raises(SharingError, match=message):
        stream_parallel(*pair(tmp_path, source, target))


def test_one_file_is_not_two(tmp_path):
    (tmp_path / "a.en").write_text("one\n")
    (tmp_path / "a.de").symlink_to("a.en")
    with pytest.raises(SharingError, match=r"--src and --tgt are both .*a\.en"):
        stream_parallel(tmp_path / "a.en", tmp_path / "a.de")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(SharingError, match=r"cannot read .*no\.en: No such file"):
        read_lines(tmp_path / "no.en")
    with pytest.raises(SharingError, match="Is a directory"):
        read_lines(tmp_path)


def test_a_pipe_can_be_read_only_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SharingError, match="pipe is a pipe or a device, and read several times"):
        open_files(tmp_path / "pipe", tmp_path / "pipe")


@given(st.integers(1, 40), st.integers(1, 40))
def test_samples_are_spread_evenly(tmp_path_factory, total, most):
    path = tmp_path_factory.mktemp("sample") / "text"
    path.write_text("".join(f"{number}\n" for number in range(total)))
    numbers = [int(line) for line in sampled_lines([path], most)]
    assert len(numbers) == min(total, most)
    gaps = {b - a for a, b in itertools.pairwise(numbers)}
    assert not gaps or max(gaps) - min(gaps) <= 1
