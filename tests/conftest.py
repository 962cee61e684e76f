"""Data that several tests train on."""

import random

import pytest
from support import run


@pytest.fixture(scope="session")
def copy_task(tmp_path_factory):
    """A binarised task whose target is its source: 30 words, 3 to 8 a sentence."""
    folder = tmp_path_factory.mktemp("copy task")
    draw = random.Random(1)
    words = [f"w{number}" for number in range(30)]
    for split, size in (("train", 2000), ("valid", 50), ("test", 103)):
        lines = "".join(
            " ".join(draw.choices(words, k=draw.randint(3, 8))) + "\n" for _ in range(size)
        )
        for language in ("a", "b"):
            (folder / f"{split}.{language}").write_text(lines)
    splits = [
        part for split in ("train", "valid", "test") for part in (f"--{split}pref", folder / split)
    ]
    run(
        "fairseq-preprocess",
        *("--source-lang", "a", "--target-lang", "b", "--joined-dictionary"),
        *splits,
        *("--destdir", folder / "bin"),
    )
    return folder
