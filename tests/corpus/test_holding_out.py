"""Sets held out by number are exact, always the same, and share no source text."""

from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.holding_out import split
from fairseq_sharing.corpus.parallel_text import Segment, key

SEGMENTS = st.lists(
    st.builds(
        Segment,
        st.sampled_from([None, *(f"file {number}" for number in range(12))]),
        st.text("abAB", min_size=1, max_size=5),
        st.text("xy", min_size=1, max_size=3),
    ),
    max_size=80,
    unique_by=lambda segment: segment[1:],
)


def parts_of(segments, valid: int, test: int, folder: Path) -> dict[str, list[Segment]]:
    held_out, train = split(segments, {"test": test, "valid": valid}, folder)
    return {**held_out, "train": list(train)}


def test_too_little_text_is_said(tmp_path):
    with pytest.raises(SharingError, match=r"cannot give 5 for test and 3 for valid and some"):
        parts_of([Segment("f", "one", "eins")], 3, 5, tmp_path)
    with pytest.raises(SharingError, match="cannot give anything and some for training"):
        parts_of([], 0, 0, tmp_path)


def test_without_sizes_the_order_stays(tmp_path):
    segments = [Segment("b", "one", "eins"), Segment("a", "two", "zwei")]
    assert parts_of(segments, 0, 0, tmp_path) == {"test": [], "valid": [], "train": segments}


@settings(max_examples=40, deadline=None)
@given(SEGMENTS, st.integers(1, 8), st.integers(1, 8), st.randoms())
def test_splits_are_exact_repeatable_and_share_no_source(
    tmp_path_factory, segments, valid, test, random
):
    folder = tmp_path_factory.mktemp("split")
    try:
        parts = parts_of(segments, valid, test, folder)
    except SharingError:
        event("too little text")
        return
    assert (len(parts["test"]), len(parts["valid"])) == (test, valid)
    assert {s for part in parts.values() for s in part} <= set(segments)
    sources = [{key(s.source) for s in part} for part in parts.values()]
    documents = [{s.document for s in part} for part in parts.values()]
    for sets in (sources, documents):
        assert sum(map(len, sets)) == len(set().union(*sets))
    assert [len(keys) for keys in sources[:2]] == [test, valid]
    assert None not in documents[0] | documents[1]
    shuffled = random.sample(segments, len(segments))
    assert {s.document for s in parts_of(shuffled, valid, test, folder)["train"]} == documents[2]
