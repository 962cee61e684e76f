"""Sets of packages to test on, cut as the training text is, which does not have their sources."""

import json
from pathlib import Path

import pytest
from planted_packages import Repository, catalogue

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.cleaning import Rules
from fairseq_sharing.corpus.corpus_sets import CorpusSet
from fairseq_sharing.corpus.steps import corpus_steps
from fairseq_sharing.corpus.texts import Corpus
from fairseq_sharing.experiment.file import load

PAIR = ("en", "de")
GNOME = [("Open it", "Öffne es"), ("open  it", "Öffnen"), ("a b c d e f", "g"), ("C", "c")]
EVINCE = [("E", "e"), ("F", "f")]
MESSAGES = [("OPEN IT", "ÖFFNE"), ("Save", "Speichern"), ("f", "ff"), ("Quit", "Beenden")]

EXPERIMENT = """
baseline = "base"
seeds = [1]
[languages]
source = "en"
target = "de"
[data]
corpus = "debian"
sets = ["evince-help", "evolution-help", "git-ui"]
held_out_sets = ["evince-help"]
max_words = 5
vocabulary = 40
valid_segments = 1
[[test_sets]]
name = "gnome"
origin = "debian:gnome-help"
[train]
max-update = 1
[generate]
beam = 1
[[systems]]
name = "base"
strategy = "none"
layers = 1
"""


def pages(folder: str, texts: list[tuple[str, str]]) -> dict[str, str]:
    """A page for each pair, in English and German."""
    return {
        f"usr/share/help/{language}/{folder}/{number}.page": f"<page><p>{text}</p></page>"
        for number, pair in enumerate(texts)
        for language, text in zip(("C", "de"), pair, strict=True)
    }


@pytest.fixture
def packages(repository) -> Repository:
    messages = catalogue([(None, *pair) for pair in MESSAGES])
    repository.publish(
        {
            "gnome-user-docs": pages("gnome", GNOME),
            "evince-common": pages("evince", EVINCE),
            "evolution-common": pages("evolution", [("G", "h"), ("H", "i")]),
            "git": {"usr/share/locale/de/LC_MESSAGES/git.mo": messages},
        }
    )
    return repository


def read(folder: Path, most: int | None = None) -> set[tuple[str, str]]:
    folder.mkdir(exist_ok=True)
    found = CorpusSet.of("debian:gnome-help")
    texts = found.read(PAIR, folder, Rules(5), most)
    assert [file.name for file in texts.files] == ["gnome-user-docs_1.0_all.deb"]
    return set(zip(texts.sources, texts.references, strict=True))


def test_each_source_once_and_as_many_as_are_wanted(packages, tmp_path):
    kept = read(tmp_path / "run")
    assert kept == {("Open it", "Öffne es"), ("C", "c")}
    assert len(read(tmp_path / "run", 1) & kept) == 1
    with pytest.raises(SharingError, match=r"'debian:gnome-help' has 2 usable .* segments = 3"):
        read(tmp_path / "run", 3)


def corpus(folder: Path, text: str = EXPERIMENT) -> Corpus:
    file = folder / "experiment.toml"
    file.write_text(text)
    return Corpus(load(file), folder / "run", None)


def test_training_text_has_nothing_that_is_tested_on(packages, tmp_path):
    made = corpus(tmp_path)
    made.check()
    counts = [step.run().counts for step in corpus_steps(made)]
    texts = {
        part: set((made.folder / f"{part}.en").read_text().split("\n")[:-1]) for part in made.parts
    }
    assert counts[0] == {"gnome": 2}
    train = texts.pop("train")
    assert texts == {"gnome": {"Open it", "C"}, "valid": {"E"}}
    assert train - {"F"} == {"f", "G", "H", "Save", "Quit"}
    assert counts[1]["sets"]["git-ui"] == {
        "read": 4, "kept": 3, "validated or tested on": 1
    }  # fmt: skip


def test_a_language_model_has_the_source_side_and_its_documents(packages, tmp_path):
    text = EXPERIMENT.replace("baseline", 'kind = "language_model"\nbaseline', 1)
    made = corpus(tmp_path, text.replace('target = "de"\n', "").replace(', "git-ui"', ""))
    made.check()
    for step in corpus_steps(made):
        step.run()
    texts = {
        part: set((made.folder / f"{part}.en").read_text().split("\n")[:-1]) for part in made.parts
    }
    assert texts["gnome"] == {"Open it", "C"}
    assert texts["train"] | texts["valid"] == {"E", "F", "G", "H"}
    assert len(texts["valid"]) == 1
    documents = (made.folder / "gnome.documents").read_text().splitlines()
    assert len(set(documents)) == 2
    assert not list(made.folder.glob("*.de"))


def test_what_a_named_set_of_packages_depends_on(tmp_path):
    settings = [corpus_steps(corpus(tmp_path, text))[0].settings for text in (
        EXPERIMENT,
        EXPERIMENT.replace("max_words = 5", "max_words = 6"),
        EXPERIMENT.replace("gnome-help\"", "gnome-help\"\nsegments = 2"),
        EXPERIMENT.replace("debian:gnome-help", "sacrebleu:wmt14/full"),
    )]  # fmt: skip
    assert len({json.dumps(one) for one in settings}) == 4
    assert set(settings[3]) == {"origins", "languages"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("debian:gnome-help", "debian:gnome", r"'debian:gnome': debian has libreoffice-help, "),
        ("debian:gnome-help", "gnome-help", r"must be sacrebleu:NAME or mtdata:NAME or .*debian:"),
        (
            'debian:gnome-help"',
            'sacrebleu:wmt14/full"\nsegments = 3',
            r"test set 'gnome': 'sacrebleu:wmt14/full' is used whole: take its segments away",
        ),
        (
            '"evince-help", "evo',
            '"evince", "evo',
            r"held_out_sets has 'evince-help', .* evince, evo",
        ),
        ('"git-ui"]', '"gimp"]', r"\[data\] sets has 'gimp': choose from"),
        (
            "valid_segments = 1",
            'valid_segments = 1\ntest_segments = 1\n[[test_sets]]\nname = "t"\nsegments = 2',
            r"test set 't': segments needs an origin",
        ),
    ],
)
def test_mistakes_are_said_before_anything_is_fetched(before, after, message, tmp_path):
    with pytest.raises(SharingError, match=message):
        corpus(tmp_path, EXPERIMENT.replace(before, after)).check()
