"""A small experiment on planted text: every word has one translation, and word order is kept."""

import random
import re
from pathlib import Path

import pytest
from batches import INTERVAL, UPDATES, checkpoint, copy
from planted import WORDS
from support import run

from fairseq_sharing.corpus.prepare import prepare
from fairseq_sharing.experiment.experiment import Experiment
from fairseq_sharing.experiment.file import load

TINY = """
baseline = "vanilla"
seeds = [1]
[languages]
source = "en"
target = "de"
[data]
corpus = "libreoffice"
max_words = 8
valid_segments = 20
test_segments = 41
vocabulary = 40
[train]
encoder-embed-dim = 16
encoder-ffn-embed-dim = 32
encoder-attention-heads = 2
decoder-attention-heads = 2
share-all-embeddings = true
encoder-normalize-before = true
decoder-normalize-before = true
dropout = 0.0
optimizer = "adam"
lr = 5e-3
max-tokens = 600
max-update = 12
log-interval = 2
save-interval-updates = 4
[generate]
beam = 2
[[systems]]
name = "vanilla"
strategy = "none"
layers = 2
[[systems]]
name = "cycle rev"
strategy = "cycle_rev"
layers = 4
unique_layers = 2
[quick.train]
max-update = 4
"""


@pytest.fixture(scope="session")
def tiny_text() -> str:
    return TINY


@pytest.fixture
def tiny_file(tmp_path) -> Path:
    """The tiny experiment as a file, in a folder with a space in its name."""
    folder = tmp_path / "my experiments"
    folder.mkdir()
    (folder / "tiny.toml").write_text(TINY)
    return folder / "tiny.toml"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Experiment:
    path = tmp_path_factory.mktemp("experiment") / "tiny.toml"
    path.write_text(TINY)
    return load(path)


@pytest.fixture(scope="session")
def own_text(tmp_path_factory) -> tuple[Path, Path]:
    """Four hundred different sentences and their translations."""
    folder = tmp_path_factory.mktemp("own text")
    draw = random.Random(1)
    sentences = {tuple(draw.choices(list(WORDS), k=draw.randint(3, 8))) for _ in range(400)}
    ordered = sorted(sentences)
    (folder / "my.en").write_text("".join(" ".join(s) + "\n" for s in ordered))
    (folder / "my.de").write_text("".join(" ".join(WORDS[w] for w in s) + "\n" for s in ordered))
    return folder / "my.en", folder / "my.de"


@pytest.fixture(scope="session")
def batches_file(tmp_path_factory) -> Path:
    """The tiny experiment with batches of a given size, of which a process takes half at a time.

    Adam's epsilon keeps gradients that are nothing but rounding from becoming whole steps.
    """
    text = TINY.replace("[languages]", "batch_tokens = 1200\n[languages]")
    text = text.replace("[generate]", "adam-eps = 1e-6\n[generate]")
    text = re.sub(r"max-update = \d+", f"max-update = {UPDATES}", text, count=1)
    text = re.sub(r"updates = \d+", f"updates = {INTERVAL}", text)
    path = tmp_path_factory.mktemp("batches") / "tiny.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def batches(batches_file) -> Experiment:
    return load(batches_file)


@pytest.fixture(scope="session")
def batches_prepared(batches_file, batches, own_text) -> Path:
    """Its prepared data, with the file beside the run folder."""
    prepare(batches, batches_file.parent / "tiny", own_text)
    return batches_file.parent


@pytest.fixture(scope="session")
def undisturbed(batches_prepared, tmp_path_factory) -> dict:
    """The checkpoint of a training of it in one process that nothing happened to."""
    where = copy(batches_prepared, tmp_path_factory.mktemp("undisturbed"))
    printed = run("fairseq-sharing", "train", *where).stdout
    assert "update-freq 2: 600 tokens x 1 CPU process x 2 = 1,200\n" in printed
    return checkpoint(where)
