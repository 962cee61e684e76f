"""A small experiment with language models, on planted text."""

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


@pytest.fixture
def texts_file(tmp_path) -> Path:
    """The experiment as a file."""
    (tmp_path / "texts.toml").write_text(TINY)
    return tmp_path / "texts.toml"


@pytest.fixture
def texts(texts_file) -> Experiment:
    return load(texts_file)
