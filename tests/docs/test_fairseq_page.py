"""docs/fairseq.md from top to bottom, in one shell, with smaller numbers."""

import os
import random
import subprocess

import pytest
from pages import ROOT, blocks
from support import BIN

PAGE = ROOT / "docs" / "fairseq.md"
SMALLER = {
    "shared_transformer_iwslt_de_en": "shared_transformer_tiny",
    "--max-update 50000": "--max-update 6",
    "--max-update 2000": "--max-update 2",
    "max_update: 50000": "max_update: 2",
    "--grow-depth-at 25000": "--grow-depth-at 1",
    "--warmup-updates 4000": "--warmup-updates 2",
    "--max-tokens 4096": "--max-tokens 400",
    "max_tokens: 4096": "max_tokens: 400",
    "--last-epochs 10": "--last-epochs 2",
}


def smaller(text: str) -> str:
    for old, new in SMALLER.items():
        text = text.replace(old, new)
    return text


def test_every_smaller_number_is_of_the_page():
    text = PAGE.read_text()
    assert all(old in text for old in SMALLER)


@pytest.mark.slow
def test_the_whole_page_runs(tmp_path):
    draw = random.Random(1)
    (tmp_path / "cut").mkdir()
    for split, size in (("train", 120), ("valid", 9), ("test", 9)):
        lines = "".join(" ".join(draw.choices("abcdefgh", k=6)) + "\n" for _ in range(size))
        for language in ("en", "de"):
            (tmp_path / "cut" / f"{split}.{language}").write_text(lines)
    (config,) = blocks(PAGE, "yaml")
    (tmp_path / "shared.yaml").write_text(smaller(config))
    script = "\n".join(["set -euxo pipefail", *map(smaller, blocks(PAGE, "bash"))])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("done training") >= 2
    assert "encoder 6 -> 12 of 12 layers" in done.stdout
    assert done.stdout.count("\nH-") >= 9
    assert (tmp_path / "finetuned" / "checkpoint_last.pt").exists()
    assert (tmp_path / "checkpoints-hydra" / "checkpoint_last.pt").exists() or list(
        tmp_path.rglob("checkpoints-hydra/checkpoint_last.pt")
    )
