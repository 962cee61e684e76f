"""WikiText-103: its files or its archive in the cache, its articles, and an experiment on it."""

import json
from pathlib import Path

import pytest
from planted_wikitext import ARTICLES, make_archive, plant_wikitext, text
from support import run
from tiny_texts import wiki_experiment, write_wiki

from fairseq_sharing import SharingError
from fairseq_sharing.cli import main
from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.corpus.steps import corpus_steps
from fairseq_sharing.corpus.texts import Corpus
from fairseq_sharing.corpus.wikitext import SHA256, SPLITS, WikiText, segments_of
from fairseq_sharing.experiment.file import load
from fairseq_sharing.files import sha256

NOWHERE = ("http://127.0.0.1:9/wikitext-103-v1.zip",)


def lines_of(corpus: WikiText, split: str) -> str:
    segments, _ = corpus.read(split)
    return "".join(f"{segment.source}\n" for segment in segments)


def test_articles_begin_at_titles_alone():
    lines = [" ", " = One = ", " ", " x ", " = no = ", " ", " = = Part = = ", " ", " = 2 = "]
    found = list(segments_of(iter(lines)))
    assert [segment.source for segment in found] == [segment.target for segment in found] == lines
    assert [s.document for s in found] == ["article 1"] * 8 + ["article 2"]


def test_files_and_archive_are_the_same_text(tmp_path):
    folder = plant_wikitext(tmp_path / "files")
    archive = make_archive(tmp_path / "archive")
    planted = WikiText(folder, NOWHERE)
    packed = WikiText(archive.parent, NOWHERE, sha256(archive))
    for split in SPLITS:
        assert lines_of(planted, split) == lines_of(packed, split) == text(split)
    documents = {segment.document for segment in packed.read("train")[0]}
    assert len(documents) == ARTICLES["train"]
    assert packed.read("test")[1] == [archive]
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert not (tmp_path / "outside").exists()


def test_lines_are_read_one_by_one(tmp_path):
    folder = plant_wikitext(tmp_path)
    file = folder / "wiki.train.tokens"
    file.write_bytes(file.read_bytes() + b"gr\xfcn\n")
    segments, _ = WikiText(folder).read("train")
    assert next(segments).source == " "
    number = text("train").count("\n") + 1
    with pytest.raises(SharingError, match=rf"tokens, line {number}: not UTF-8 \(byte 0xfc\)"):
        list(segments)


def test_an_archive_that_somebody_put_there_is_refused_and_stays(tmp_path):
    archive = make_archive(tmp_path)
    with pytest.raises(SharingError, match=f"is damaged or another file .* expected {SHA256}"):
        WikiText(tmp_path).read("test")
    assert archive.exists()


def test_it_is_downloaded_once(server, tmp_path):
    body = make_archive(tmp_path / "made").read_bytes()
    url = server.give("/wikitext-103-v1.zip", body)
    corpus = WikiText(tmp_path / "cache", (url,), sha256(tmp_path / "made" / "wikitext-103-v1.zip"))
    assert lines_of(corpus, "valid") == text("valid")
    server.bodies.clear()
    assert lines_of(corpus, "train") == text("train")


def test_some_of_the_files_are_not_the_corpus(tmp_path):
    folder = plant_wikitext(tmp_path)
    (folder / "wiki.train.tokens").unlink()
    with pytest.raises(SharingError) as refused:
        WikiText(folder, NOWHERE).read("test")
    assert f"no wikitext-103-v1.zip in {folder}, and it cannot be" in str(refused.value)
    assert "put wikitext-103-v1.zip there, or its wiki.train.tokens, wiki.v" in str(refused.value)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """$XDG_CACHE_HOME; nothing is in it yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_text_is_taken_as_it_is(cache, tmp_path):
    plant_wikitext(cache)
    experiment = wiki_experiment(tmp_path)
    prepare(experiment, tmp_path / "run", None)
    corpus = tmp_path / "run" / "corpus"
    parts = {"train": "train", "valid": "valid", "wikitext-103": "test", "again": "valid"}
    for part, split in parts.items():
        assert (corpus / f"{part}.en").read_text("utf-8") == text(split)
    documents = (corpus / "wikitext-103.documents").read_text().splitlines()
    assert len(documents) == text("test").count("\n")
    assert len(set(documents)) == ARTICLES["test"]
    cut = (tmp_path / "run" / "words" / "wikitext-103.en").read_text("utf-8").splitlines()
    assert [line.split() for line in cut] == [line.split() for line in text("test").splitlines()]
    dictionary = (tmp_path / "run" / "data-bin" / "dict.txt").read_text("utf-8")
    words = {line.split()[0] for line in dictionary.splitlines()}
    assert words - {f"madeupword{n:04}" for n in range(8)} == set(text("train").split()) - {"<unk>"}
    manifest = json.loads((corpus / "manifest.json").read_text())
    lines = text("train").count("\n")
    assert manifest["steps"]["corpus"]["counts"]["pairs"] == {"read": lines, "kept": lines}
    before = {path: path.stat().st_mtime_ns for path in corpus.iterdir()}
    prepare(experiment, tmp_path / "run", None)
    assert {path: path.stat().st_mtime_ns for path in corpus.iterdir()} == before


def test_ones_own_text_is_taken_as_it_is(cache, tmp_path):
    plant_wikitext(cache)
    own = tmp_path / "own.txt"
    own.write_text("a  b \n\n\n a  b \nTitle\n")
    prepare(wiki_experiment(tmp_path), tmp_path / "run", (own,))
    assert (tmp_path / "run" / "corpus" / "train.en").read_bytes() == own.read_bytes()


CLEANED = {"verbatim = true": "max_words = 20"}


def test_cleaned_text_has_no_line_that_is_tested_on(cache, tmp_path):
    folder = plant_wikitext(cache)
    both = text("test").splitlines()[3]
    with (folder / "wiki.train.tokens").open("a") as file:
        file.write(f"{both.upper()}\n kept \n")
    corpus = Corpus(wiki_experiment(tmp_path, CLEANED), tmp_path / "run", None)
    for step in corpus_steps(corpus):
        step.run()
    train = (corpus.folder / "train.en").read_text().splitlines()
    tested = (corpus.folder / "wikitext-103.en").read_text().splitlines()
    assert " ".join(both.split()) in tested
    assert "kept" in train
    assert not {line.casefold() for line in tested} & {line.casefold() for line in train}
    documents = (corpus.folder / "wikitext-103.documents").read_text().splitlines()
    assert len(documents) == len(tested)
    assert 2 < len(set(documents)) <= ARTICLES["test"]


def test_a_plan_needs_no_copy(cache, tmp_path, capsys):
    wiki_experiment(tmp_path)
    assert main(["plan", str(tmp_path / "wiki.toml"), "--runs", str(tmp_path)]) == 0
    assert "fairseq-eval-lm" in capsys.readouterr().out
    assert not cache.exists()


MISTAKES = {
    "unknown split": (
        "wikitext-103:test",
        "wikitext-103:dev",
        "origin = 'wikitext-103:dev': wikitext-103 has valid, test",
    ),
    "another language": ('"en"', '"fr"', "wikitext-103 is English text .* not fr-fr"),
    "parallel text": ('"en"', '"en"\ntarget = "de"', "without a target, not en-de"),
    "sets": ("verbatim", 'sets = ["test"]\nverbatim', "is trained on its split train: leave"),
    "another corpus as it is": (
        'corpus = "wikitext-103"',
        'corpus = "libreoffice"',
        r"verbatim = true takes lines .* those of libreoffice are cleaned: leave verbatim out",
    ),
    "another set as it is": ("wikitext-103:test", "debian:gnome-help", "those of debian are clea"),
    "a test set of translations": (
        "wikitext-103:test",
        "sacrebleu:wmt13",
        r"origin = 'sacrebleu:wmt13': those of language models are libreoffice:NAME or debian:NAME "
        "or wikitext-103:NAME",
    ),
    "a row of the other table": (
        "layers = 2",
        'layers = 2\npaper = "Sequence 6/18"',
        "paper = 'Sequence 6/18': Table 5 has the rows Vanilla 6/6, Universal 1/6, Sequence 6/12, ",
    ),
    "all context": ("window = 8", "window = 32", "context-window = 32 leaves nothing to score"),
    "long samples": (
        "window = 8",
        "window = 8\ntokens-per-sample = 33",
        "tokens-per-sample = 33 is more than the 32 tokens that vanilla takes",
    ),
    "a limit": ("verbatim = true", "verbatim = true\nmax_words = 9", "max_words = 9: verbatim"),
    "held out": ('valid_set = "wikitext-103:valid"', "valid_segments = 9", "so nothing is held"),
    "a part of a set": ('3:test"', '3:test"\nsegments = 3', "segments = 3: .* takes sets whole"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_before_anything_is_fetched(cache, tmp_path, capsys, mistake):
    before, after, message = MISTAKES[mistake]
    write_wiki(tmp_path, {before: after})
    with pytest.raises(SharingError, match=message):
        raise SharingError(_line_of(["plan", str(tmp_path / "wiki.toml")], capsys))
    assert not cache.exists()


def _line_of(arguments: list[str], capsys) -> str:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_translations_are_not_of_it(tiny_file):
    tiny_file.write_text(tiny_file.read_text().replace('"libreoffice"', '"wikitext-103"'))
    with pytest.raises(SharingError, match="is English text for language models: give kind = "):
        Corpus(load(tiny_file), tiny_file.parent / "run", None).check()


BAD_TEXTS = {
    "empty": (b"", r"is empty: expected one segment a line"),
    "blank": (b"\n \n", r"is empty: expected one segment a line"),
    "not UTF-8": (b"a\ngr\xfcn\n", r"line 2: not UTF-8 \(byte 0xfc\); convert the file"),
}


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize("verbatim", [True, False])
def test_a_bad_text_is_one_line_and_leaves_nothing(cache, tmp_path, capsys, bad, verbatim):
    plant_wikitext(cache)
    body, message = BAD_TEXTS[bad]
    (tmp_path / "own.txt").write_bytes(body)
    wiki_experiment(tmp_path, {} if verbatim else CLEANED)
    where = ["--runs", str(tmp_path / "runs"), "--text", str(tmp_path / "own.txt")]
    with pytest.raises(SharingError, match=message):
        raise SharingError(_line_of(["prepare", str(tmp_path / "wiki.toml"), *where], capsys))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("split", SPLITS)
def test_an_empty_split_is_one_line(cache, tmp_path, split):
    (plant_wikitext(cache) / f"wiki.{split}.tokens").write_text(" \n\n")
    wiki_experiment(tmp_path)
    arguments = ("prepare", tmp_path / "wiki.toml", "--runs", tmp_path / "runs")
    printed = run("fairseq-sharing", *arguments, check=False)
    assert printed.returncode == 2
    assert printed.stdout.splitlines()[-1] == (
        f"fairseq-sharing: error: wikitext-103:{split} has no text: it has no line, or empty ones "
        "alone"
    )
    names = [path.name for path in (tmp_path / "runs").rglob("*") if split in path.name]
    assert names == []
