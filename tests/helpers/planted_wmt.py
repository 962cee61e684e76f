"""An experiment on WMT's data with what it downloads planted, and its preparation as a process."""

import os
import subprocess
from pathlib import Path

from planted import Pair, lines, mtdata_folder, pairs, plant_mtdata, plant_sacrebleu, sgm
from support import BIN

from fairseq_sharing.files import sha256

CLI = str(BIN / "fairseq-sharing")
STEPS = ("named sets", "corpus", "vocabulary", "encoding", "binary data")

WMT = """
extends = "tiny"
[data]
corpus = "mtdata"
sets = ["vaswani_etal_2017_ende"]
valid_set = "sacrebleu:wmt13"
max_ratio = 2.0
[[test_sets]]
name = "newstest2010"
origin = "sacrebleu:wmt10"
[[test_sets]]
name = "newstest2014"
origin = "sacrebleu:wmt14/full"
options = { lenpen = 0.6 }
[[test_sets]]
name = "newstest2016"
origin = "mtdata:Statmt-newstest_ende-2016-eng-deu"
"""
SETS = {"valid": 11, "newstest2010": 12, "newstest2014": 13, "newstest2016": 14}


BAD = {
    "empty": ("bamen", ""),
    "untranslated": ("same", "same"),
    "too long": (" ".join(["bamen"] * 9), " ".join(["menba"] * 9)),
    "ratio of lengths": ("bamen dotal kiros", "menba"),
}


def contents(folder: Path) -> dict[str, str]:
    """The checksum of every file that is left for other stages, by its path."""
    paths = (path for part in ("corpus", "spm", "data-bin") for path in folder.glob(f"{part}/*.*"))
    return {
        str(path.relative_to(folder)): sha256(path)
        for path in paths
        if path.is_file() and path.suffix not in (".log", ".json")
    }


def write_experiment(folder: Path, tiny: str) -> Path:
    """An experiment like the one on WMT16, on the text of the tiny one, in the same folder."""
    held_out = "valid_segments = 20\ntest_segments = 41\n"
    (folder / "tiny.toml").write_text(tiny.replace(held_out, ""))
    (folder / "wmt.toml").write_text(WMT)
    return folder / "wmt.toml"


def plant(folder: Path, number: int) -> dict[str, list[Pair]]:
    """Test sets, and training sets, which are returned: thrice so many pairs, and bad ones."""
    texts = {name: pairs(20, seed) for name, seed in SETS.items()}
    plant_sacrebleu(folder, "wmt13", texts["valid"])
    plant_sacrebleu(folder, "wmt10", texts["newstest2010"])
    plant_sacrebleu(folder, "wmt14/full", texts["newstest2014"])
    sides = zip(*texts["newstest2016"], strict=True)
    plant_mtdata("Statmt-newstest_ende-2016-eng-deu", *map(sgm, sides))
    training = {
        "Statmt-commoncrawl_wmt13-1-deu-eng": pairs(number, 1),
        "Statmt-europarl_wmt13-7-deu-eng": [
            *pairs(number, 2),
            *texts["newstest2014"],
            *texts["valid"],
        ],
        "Statmt-news_commentary_wmt18-13-deu-eng": [*pairs(number, 1), *BAD.values()],
    }
    for name, texts_of_set in training.items():
        sources, targets = zip(*texts_of_set, strict=True)
        plant_mtdata(name, lines(targets), lines(sources))
    return training


def started(experiment: Path, runs: Path, **options) -> subprocess.Popen[str]:
    """fairseq-sharing prepare, without a network, on what is planted beside the experiment."""
    environment = {
        "MTDATA": str(mtdata_folder()),
        "SACREBLEU": str(experiment.parent),
        "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }
    return subprocess.Popen(
        [CLI, "prepare", experiment, "--runs", runs],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finished(experiment: Path, runs: Path, **options) -> tuple[int, str]:
    process = started(experiment, runs, **options)
    output, _ = process.communicate()
    return process.returncode, output
