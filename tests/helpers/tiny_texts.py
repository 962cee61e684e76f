"""A small experiment with language models, on planted text."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fairseq_sharing.experiment.experiment import Experiment
from fairseq_sharing.experiment.file import load

TINY = """
kind = "language_model"
baseline = "vanilla"
seeds = [1]
[languages]
source = "en"
[data]
corpus = "libreoffice"
max_words = 8
valid_segments = 20
test_segments = 41
vocabulary = 25
[train]
decoder-embed-dim = 16
decoder-input-dim = 16
decoder-output-dim = 16
decoder-ffn-embed-dim = 32
decoder-attention-heads = 2
decoder-normalize-before = true
share-decoder-input-output-embed = true
tokens-per-sample = 32
dropout = 0.0
optimizer = "adam"
lr = 5e-3
max-tokens = 600
max-update = 12
log-interval = 2
save-interval-updates = 4
[generate]
context-window = 8
max-tokens = 600
[[systems]]
name = "vanilla"
strategy = "none"
layers = 2
[[systems]]
name = "cycle rev"
strategy = "cycle_rev"
layers = 4
unique_layers = 2
"""

WIKI = """
kind = "language_model"
baseline = "vanilla"
seeds = [1]
[languages]
source = "en"
[data]
corpus = "wikitext-103"
valid_set = "wikitext-103:valid"
verbatim = true
segmentation = "words"
vocabulary = 100
[train]
arch = "shared_transformer_lm_wiki103"
criterion = "adaptive_loss"
ddp-backend = "legacy_ddp"
decoder-embed-dim = 16
decoder-input-dim = 16
decoder-output-dim = 16
decoder-ffn-embed-dim = 32
decoder-attention-heads = 2
adaptive-input-cutoff = "8,16"
adaptive-softmax-cutoff = "8,16"
optimizer = "nag"
lr = 0.5
lr-scheduler = "cosine"
lr-period-updates = 8
t-mult = 2.0
min-lr = 1e-4
warmup-updates = 4
warmup-init-lr = 1e-7
clip-norm = 0.1
tokens-per-sample = 32
sample-break-mode = "none"
max-tokens = 600
max-update = 12
log-interval = 2
save-interval-updates = 4
[generate]
context-window = 8
softmax-batch = 64
max-tokens = 600
[[test_sets]]
name = "wikitext-103"
origin = "wikitext-103:test"
[[test_sets]]
name = "again"
origin = "wikitext-103:valid"
[[systems]]
name = "vanilla"
strategy = "none"
layers = 2
[[systems]]
name = "deep"
strategy = "sequence"
layers = 4
unique_layers = 2
paper = "Sequence 6/12"
"""
"""An experiment on WikiText-103, with the recipe of fairseq's language models of it."""


def write_wiki(folder: Path, changes: Mapping[str, str] | None = None) -> Path:
    """It as wiki.toml in the folder, with some of its text changed."""
    text = WIKI
    for before, after in (changes or {}).items():
        assert before in text
        text = text.replace(before, after, 1)
    (folder / "wiki.toml").write_text(text)
    return folder / "wiki.toml"


def wiki_experiment(folder: Path, changes: Mapping[str, str] | None = None) -> Experiment:
    """The same, loaded."""
    return load(write_wiki(folder, changes))


@pytest.fixture
def texts_file(tmp_path) -> Path:
    """The experiment as a file."""
    (tmp_path / "texts.toml").write_text(TINY)
    return tmp_path / "texts.toml"


@pytest.fixture
def texts(texts_file) -> Experiment:
    return load(texts_file)
