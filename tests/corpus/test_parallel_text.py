"""Parallel text: bad files are named, cleaning keeps what is told, splits never leak."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.parallel_text import Segment, clean, read_lines, read_parallel, split

SEGMENTS = st.lists(
    st.builds(
        Segment,
        st.sampled_from([None, *(f"file {number}" for number in range(12))]),
        st.text("abAB ", min_size=1, max_size=5),
        st.text("xy", min_size=1, max_size=3),
    ),
    max_size=80,
)


def pair(folder, source: bytes, target: bytes):
    (folder / "a.en").write_bytes(source)
    (folder / "a.de").write_bytes(target)
    return folder / "a.en", folder / "a.de"


def test_lines_may_be_windows_like_and_unfinished(tmp_path):
    source, target = pair(tmp_path, b"\xef\xbb\xbfone\r\ntwo", "eins\nzwei\u2028\n".encode())
    assert read_parallel(source, target) == [("one", "one\r", "eins"), ("two", "two", "zwei\u2028")]
    assert clean(read_parallel(source, target), 9)[0] == ("one", "one", "eins")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (b"one\ntwo\n", b"eins\n", r"--src .*a\.en has 2 lines, --tgt .*a\.de has 1: line i"),
        (b"", b"eins\n", r"a\.en is empty"),
        (b"one\n", b"\n \n", r"a\.de is empty"),
        (b"one\ntwo\n", b"eins\nzw\xf6lf\n", r"a\.de, line 2: not UTF-8 \(byte 0xf6\).*iconv"),
    ],
)
def test_bad_files_are_named(tmp_path, source, target, message):
    with pytest.raises(SharingError, match=message):
        read_parallel(*pair(tmp_path, source, target))


def test_too_little_text_is_said():
    with pytest.raises(SharingError, match=r"1 usable segments .* give 5 for test, 3 for valid"):
        split([Segment("f", "one", "eins")], valid=3, test=5)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(SharingError, match=r"cannot read .*no\.en: No such file"):
        read_lines(tmp_path / "no.en")
    with pytest.raises(SharingError, match="Is a directory"):
        read_lines(tmp_path)


def test_cleaning():
    def kept(source, target):
        return [text[1:] for text in clean([Segment("f", source, target)], max_words=2)]

    assert kept(" one\t two ", "eins") == [("one two", "eins")]
    assert kept("one", "one") == kept("", "eins") == kept("one", " ") == []
    assert kept("one two three", "eins") == kept("one", "eins zwei drei") == []
    assert len(clean([Segment("f", "one", "eins"), Segment("g", "one", "eins")], 2)) == 1


@given(SEGMENTS, st.integers(1, 8), st.integers(1, 8), st.randoms())
def test_splits_are_exact_repeatable_and_share_no_source(segments, valid, test, random):
    segments = clean(segments, max_words=5)
    try:
        parts = split(segments, valid, test)
    except SharingError:
        event("too little parallel text")
        return
    assert (len(parts.test), len(parts.valid)) == (test, valid)
    assert set(parts.train + parts.valid + parts.test) <= set(segments)
    sources = [{" ".join(s.source.casefold().split()) for s in part} for part in parts]
    documents = [{s.document for s in part} for part in parts]
    for sets in (sources, documents):
        assert sum(map(len, sets)) == len(set().union(*sets))
    assert None not in documents[1] | documents[2]
    assert len(sources[1]) == valid
    assert len(sources[2]) == test
    shuffled = random.sample(segments, len(segments))
    assert {s.document for s in split(shuffled, valid, test).train} == documents[0]
