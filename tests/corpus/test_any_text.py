"""Whatever the text is: as many lines come out of each step as went in, or one line says why."""

import dataclasses
import subprocess
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import BIN

from fairseq_sharing import SharingError
from fairseq_sharing.corpus import moses_bpe, sentencepieces
from fairseq_sharing.corpus.cleaning import Rules, clean, normalise
from fairseq_sharing.corpus.lengths import drop_longer
from fairseq_sharing.corpus.parallel_text import read_lines, stream_lines, stream_parallel
from fairseq_sharing.corpus.words import length_in_words, words_of
from fairseq_sharing.experiment.positions import Positions

ENDS = ["\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\t"]
ODD = [*ENDS, "\u3000", "\xa0", "\u200b", "\ufeff", "\x00", "▁", "⁇", "<unk>", "</s>", "@@ ", "字"]
PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=8),
    st.sampled_from(ODD),
    st.sampled_from(["a", "b c", " "]),
)
LINES = st.lists(PIECES, max_size=6).map("".join)
TEXTS = st.lists(LINES, min_size=1, max_size=12)
FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LONG = settings(FUZZ, max_examples=3000)


def written(path: Path, lines: list[str]) -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def line_count(path: Path) -> int:
    """As fairseq-preprocess and other tools count, with universal newlines."""
    with path.open(encoding="utf-8") as file:
        return sum(1 for _ in file)


@pytest.fixture(scope="module")
def spm(tiny, own_text, tmp_path_factory):
    """A SentencePiece model for a language with spaces, and one for a language without."""
    folder = tmp_path_factory.mktemp("spm")
    text = folder / "text.th"
    text.write_text("\n".join(chain.from_iterable(map(read_lines, own_text))))
    models = folder / "de.model", folder / "th.model"
    sentencepieces.learn(own_text, tiny.data, models[0])
    sentencepieces.learn([text], tiny.data, models[1])
    return models


@pytest.fixture(scope="module")
def codes(tiny, own_text, tmp_path_factory):
    path = tmp_path_factory.mktemp("bpe") / "codes"
    moses_bpe.learn(own_text, dataclasses.replace(tiny.data, vocabulary=60), path)
    return path


def check_encoding(spm, tmp_path, lines):
    text, output = written(tmp_path / "text.en", lines), tmp_path / "encoded"
    assert list(stream_lines(text)) == [lines[0].removeprefix("\ufeff"), *lines[1:]]
    for model in spm:
        subwords = sentencepieces.encode(text, "en", model, output)
        assert line_count(output) == len(lines)
        assert subwords == len(output.read_text().split())


@FUZZ
@given(TEXTS)
def test_sentencepiece_gives_a_line_for_each(spm, tmp_path, lines):
    check_encoding(spm, tmp_path, lines)


@FUZZ
@given(TEXTS)
def test_limits_drop_whole_pairs(spm, tmp_path, lines):
    text = written(tmp_path / "text.en", lines)
    paths = tmp_path / "train.en", tmp_path / "train.de"
    for path in paths:
        sentencepieces.encode(text, "en", spm[0], path)
    try:
        dropped, _ = drop_longer(paths, Positions(6, 4))
    except SharingError:
        dropped = 0
    assert [line_count(path) for path in paths] == [len(lines) - dropped] * 2


@settings(FUZZ, max_examples=15)
@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=12))
def test_cleaned_pairs_stay_pairs_and_every_one_is_counted(tmp_path, pairs):
    sides = [written(tmp_path / f"my.{n}", [pair[n] for pair in pairs]) for n in (0, 1)]
    if not all(any(line.strip() for line in stream_lines(side)) for side in sides):
        with pytest.raises(SharingError, match="is empty"):
            stream_parallel(*sides)
        return
    segments, counts = stream_parallel(*sides), {}
    kept = list(clean({"own": segments}, Rules(9, 3.0), tmp_path, counts))
    assert len(kept) == counts["own"]["kept"]
    assert counts["own"].total() == 2 * counts["own"]["read"] == 2 * len(pairs)
    for _, source, target in kept:
        for text in (source, target):
            assert text == normalise(text)
            assert len(text.splitlines()) == 1


@given(LINES)
def test_words_cover_all_but_white_space_and_lengths_add_up(text):
    spans = words_of(text)
    assert "".join(text[begin:end] for begin, end in spans) == "".join(text.split())
    assert length_in_words(text) <= len(spans)
    assert (length_in_words(text) == 0) == (text.split() == [])
    assert length_in_words(f"{text} {text}") <= 2 * length_in_words(text)


@pytest.mark.slow
@LONG
@given(TEXTS)
def test_sentencepiece_gives_a_line_for_each_of_many_texts(spm, tmp_path, lines):
    check_encoding(spm, tmp_path, lines)


@pytest.mark.slow
@settings(LONG, max_examples=300)
@given(TEXTS)
def test_moses_and_bpe_give_a_line_for_each(codes, tmp_path, lines):
    text, output = written(tmp_path / "text.en", lines), tmp_path / "encoded"
    moses_bpe.encode(text, "en", codes, output)
    assert line_count(output) == len(lines)


@pytest.mark.slow
def test_fairseq_takes_every_character_in_a_line_of_its_own(spm, tmp_path):
    """Every character of the first plane, and some of the others, between two words."""
    codes = chain(range(1, 0xD800), range(0xE000, 0x10000), range(0x1F000, 0x20000))
    lines = [f"bamen {chr(code)} doros{chr(code)}lumen" for code in codes if chr(code) != "\n"]
    text = written(tmp_path / "text.en", lines)
    for model in spm:
        for side in ("en", "de"):
            sentencepieces.encode(text, side, model, tmp_path / f"train.{side}")
        command = [BIN / "fairseq-preprocess", "-s", "en", "-t", "de", "--joined-dictionary"]
        command += ["--trainpref", tmp_path / "train", "--destdir", tmp_path / model.stem]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"{len(lines)} sents" in done.stdout + done.stderr
