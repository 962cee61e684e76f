"""Data that several tests train on, and an installation of the scripts."""

import os
import random
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import pytest
from support import BIN, run

pytest_plugins = ["tiny_experiment", "tiny_texts"]

ROOT = Path(__file__).parents[1]
os.environ["MTDATA"] = mkdtemp(prefix="mtdata")  # which mtdata reads when it is imported


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


@pytest.fixture
def clone(tmp_path) -> Path:
    """What the scripts need of the repository, without a virtual environment."""
    folder = tmp_path / "my clone"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("constraints.txt", "setup.py"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def installed(clone) -> Path:
    """The same with a finished environment: the one that runs the tests."""
    (clone / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (clone / ".venv" / part).symlink_to(BIN.parent / part)
    digest = subprocess.run(
        "cat constraints.txt setup.py | sha256sum",
        shell=True, cwd=clone, check=True, capture_output=True,
    )  # fmt: skip
    (clone / ".venv" / ".installed").write_bytes(digest.stdout)
    return clone
