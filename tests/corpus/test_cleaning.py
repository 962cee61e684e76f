"""Cleaning keeps what it is told to, each pair once, and counts the rest by reason."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.cleaning import Rules, clean, normalise
from fairseq_sharing.corpus.parallel_text import ITS_OWN, Segment, key

SENTENCES = ("This is a sentence in plain English.", "Dies ist ein Satz in klarem Deutsch.")


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("a b", "x", None),
        ("", "x", "empty"),
        ("a", "a", "untranslated"),
        ("a b c d e", "x y z", "too long"),
        ("a b c", "x", "ratio of lengths"),
        ("Tested  ON", "x", "validated or tested on"),
        ("a b c d", "红色的狗打开窗。", None),
        ("a b c d", "红色的狗打开窗。红", "too long"),
        ("a b", "字" * 5000, "too long"),
        ("a b", "红色的狗打开窗", None),
        ("a", "红色的狗打", "ratio of lengths"),
        ("a b c d", "สุนัขสีแดง", None),
        ("a b c d", "빨간 개가 창문을 엽니다.", None),
    ],
)
def test_reasons(source, target, reason):
    rules = Rules(max_words=4, max_ratio=2.0, held_out={"tested on"})
    assert rules.reason_to_drop(source, target) == reason


def test_languages_are_checked_where_a_text_is_long_enough_to_tell():
    rules = Rules(max_words=50, languages=("en", "de"))
    english, german = SENTENCES
    assert rules.reason_to_drop(english, german) is None
    assert rules.reason_to_drop(german, english) == "other language"
    assert rules.reason_to_drop(english, english + " Yes.") == "other language"
    assert rules.reason_to_drop("Datei öffnen", "Open file") is None


def test_a_language_that_cannot_be_identified(tmp_path):
    rules = Rules(max_words=50, languages=("en", "tlh"))
    with pytest.raises(SharingError, match=r"identify_languages: py3langid does not know 'tlh'"):
        list(clean({"set": [Segment(None, "a", "b")]}, rules, tmp_path, {}))


@given(st.text())
def test_normalised_text_is_a_line_and_stays_as_it_is(text):
    normal = normalise(text)
    assert normalise(normal) == normal == unicodedata.normalize("NFC", normal)
    assert not any(unicodedata.category(letter) == "Cc" for letter in normal)
    assert "\t" not in normal
    assert normal == " ".join(normal.split())


WORDS = st.lists(st.sampled_from(["a", "b", "A", " ", "e\u0301", "é"]), max_size=4).map("".join)
PAIRS = st.lists(st.tuples(st.sampled_from([None, ITS_OWN, "file"]), WORDS, WORDS), max_size=40)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), PAIRS))
def test_the_first_of_equal_pairs_is_kept_and_every_pair_counted(tmp_path_factory, sets):
    folder = tmp_path_factory.mktemp("clean")
    rules, counts = Rules(max_words=2, held_out={"b"}), {}
    segments = {name: (Segment(*pair) for pair in pairs) for name, pairs in sets.items()}
    kept = list(clean(segments, rules, folder, counts))
    wanted: dict[tuple[str, str], Segment] = {}
    expected = {name: Counter(read=len(pairs), kept=0) for name, pairs in sets.items()}
    for of_set, pairs in sets.items():
        for document, source, target in pairs:
            source, target = normalise(source), normalise(target)
            reason = rules.reason_to_drop(source, target)
            if reason is None and (source, target) in wanted:
                reason = "repeated"
            elif reason is None:
                name = key(source) if document == ITS_OWN else document
                wanted[source, target] = Segment(name, source, target)
            expected[of_set][reason or "kept"] += 1
    assert kept == list(wanted.values())
    assert counts == expected
    assert not list(folder.iterdir())
