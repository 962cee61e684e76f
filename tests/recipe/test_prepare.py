"""Preparing: planted WMT data offline, again only where something changed, whole or not at all."""

import dataclasses
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from itertools import chain, pairwise
from pathlib import Path
from random import Random

import pytest
from planted import lines, mtdata_folder, pairs, plant_mtdata, plant_sacrebleu, sgm
from sacremoses import MosesDetokenizer
from support import BIN

from fairseq_sharing import SharingError
from fairseq_sharing.corpus import moses_bpe
from fairseq_sharing.recipe.prepare import prepare, require_prepared
from fairseq_sharing.recipe.stages import sha256

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


def contents(folder: Path) -> dict[str, str]:
    """The checksum of every file that is left for other stages, by its path."""
    paths = (path for part in ("corpus", "spm", "data-bin") for path in folder.glob(f"{part}/*.*"))
    return {
        str(path.relative_to(folder)): sha256(path)
        for path in paths
        if path.is_file() and path.suffix not in (".log", ".json")
    }


@pytest.fixture
def wmt(tmp_path, tiny_text) -> Path:
    """An experiment like the one on WMT16; what is planted for it lies in the same folder."""
    held_out = "valid_segments = 20\ntest_segments = 41\n"
    (tmp_path / "tiny.toml").write_text(tiny_text.replace(held_out, ""))
    (tmp_path / "wmt.toml").write_text(WMT)
    return tmp_path / "wmt.toml"


BAD = {
    "empty": ("bamen", ""),
    "untranslated": ("same", "same"),
    "too long": (" ".join(["bamen"] * 9), " ".join(["menba"] * 9)),
    "ratio of lengths": ("bamen dotal kiros", "menba"),
}


def plant(folder: Path, number: int) -> dict[str, list[tuple[str, str]]]:
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


def test_wmt_data_offline(wmt, tmp_path):
    training = plant(tmp_path, 300)
    planted = list(chain.from_iterable(training.values()))
    folder = tmp_path / "my runs" / "wmt"
    status, output = finished(wmt, folder.parent)
    assert status == 0, output
    assert [line.split(" (")[0] for line in output.splitlines()[:-1]] == [
        f"prepare: {step}" for step in STEPS
    ]
    held_out = {source for seed in SETS.values() for source, _ in pairs(20, seed)}
    good = [pair for pair in planted if pair not in BAD.values() and pair[0] not in held_out]
    kept = list(dict.fromkeys(good))
    for language, texts in zip(("en", "de"), zip(*kept, strict=True), strict=True):
        assert (folder / f"corpus/train.{language}").read_text() == lines(texts)
    for name, seed in SETS.items():
        for language, texts in zip(("en", "de"), zip(*pairs(20, seed), strict=True), strict=True):
            assert (folder / "corpus" / f"{name}.{language}").read_text() == lines(texts)
    manifest = json.loads((folder / "corpus/manifest.json").read_text())
    assert manifest["segments"] == {"train": len(kept), **dict.fromkeys(SETS, 20)}
    counts = manifest["steps"]["corpus"]["counts"]
    assert counts["pairs"] == {
        "read": len(planted),
        "validated or tested on": len(planted) - len(good) - len(BAD),
        **dict.fromkeys(BAD, 1),
        "repeated": len(good) - len(kept),
        "kept": len(kept),
    }
    assert {name: of_set["read"] for name, of_set in counts["sets"].items()} == {
        name: len(texts) for name, texts in training.items()
    }
    crawl, europarl, news = map(Counter, counts["sets"].values())
    assert crawl["kept"] + europarl["kept"] == len(kept)
    assert europarl["validated or tested on"] >= 40
    assert (news["kept"], *(news[reason] for reason in BAD)) == (0, 1, 1, 1, 1)
    assert crawl + europarl + news == counts["pairs"]
    assert len(manifest["origin"]) == 3
    for subset in ("train", "valid", "test", "test1", "test2"):
        assert (folder / f"data-bin/{subset}.en-de.de.idx").exists()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    status, output = finished(wmt, folder.parent)
    assert (status, output) == (0, f"prepared: {folder}\n")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == before


def test_no_network(wmt, tmp_path):
    plant_sacrebleu(tmp_path, "wmt13", pairs(20, 1))
    status, output = finished(wmt, tmp_path / "runs")
    begun, error = output.splitlines()
    assert (status, begun) == (2, "prepare: named sets (not done yet)")
    assert error.startswith("fairseq-sharing: error: sacrebleu:wmt10: the download from https://")
    assert "check the network" in error


def test_an_unknown_set_is_said_before_anything_is_fetched(wmt, tmp_path):
    wmt.write_text(wmt.read_text().replace("vaswani_etal_2017_ende", "vaswani_etal_2017_en"))
    status, output = finished(wmt, tmp_path / "runs")
    assert status == 2
    assert re.fullmatch(r"fairseq-sharing: error: mtdata knows no .*2017_ende.*\n", output)
    assert not (tmp_path / "runs").exists()


def prepared_steps(experiment, folder, text, capsys) -> list[str]:
    """The steps that preparing does."""
    capsys.readouterr()
    prepare(experiment, folder, text)
    require_prepared(experiment, folder)
    return [line[9:].split(" (")[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_a_change_does_again_what_depends_on_it(tiny, own_text, tmp_path, capsys):
    folder = tmp_path / "run"
    text = [shutil.copy(path, tmp_path) for path in own_text]
    text = tuple(map(Path, text))
    assert prepared_steps(tiny, folder, text, capsys) == list(STEPS[1:])
    before = contents(folder)
    assert prepared_steps(tiny, folder, text, capsys) == []

    for path in text:
        path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    assert prepared_steps(tiny, folder, text, capsys) == ["corpus"]
    assert contents(folder) == before

    smaller = dataclasses.replace(tiny, data=dataclasses.replace(tiny.data, vocabulary=36))
    assert prepared_steps(smaller, folder, text, capsys) == list(STEPS[2:])
    assert prepared_steps(tiny, folder, text, capsys) == list(STEPS[2:])
    assert contents(folder) == before

    bpe = dataclasses.replace(tiny.data, segmentation="bpe", vocabulary=60)
    bpe = dataclasses.replace(tiny, data=bpe)
    for experiment in (bpe, tiny):
        assert prepared_steps(experiment, folder, text, capsys) == list(STEPS[2:])
    assert contents(folder) == before

    (folder / "spm/valid.en").write_text("\n" * 20)
    assert prepared_steps(tiny, folder, text, capsys) == ["binary data"]
    (folder / "spm/valid.en").unlink()
    assert prepared_steps(tiny, folder, text, capsys) == ["encoding", "binary data"]
    assert contents(folder) == before

    (folder / "vanilla").mkdir()
    (folder / "vanilla/train.stage.json").touch()
    text[0].write_text(text[0].read_text().upper())
    with pytest.raises(SharingError, match=r"data\.corpus.*remove that folder"):
        prepare(tiny, folder, text)
    (folder / "corpus/train.en").write_text("other\n")
    with pytest.raises(SharingError, match=r"prepare.*other settings.*data\.vocabulary: 40 then"):
        prepare(smaller, folder, text)
    assert contents(folder)["data-bin/dict.en.txt"] == before["data-bin/dict.en.txt"]


def test_a_failed_preparation_does_not_stand_in_the_way(tiny, own_text, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SharingError, match="apt-get not found"):
        prepare(tiny, tmp_path / "run", None)
    monkeypatch.undo()
    prepare(tiny, tmp_path / "run", own_text)
    require_prepared(tiny, tmp_path / "run")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"vocabulary": 5000}, r"vocabulary = 5000: SentencePiece says: .*too high"),
        ({"vocabulary": 5, "segmentation": "bpe"}, r"vocabulary = 5 leaves no room for merges"),
        ({"valid_segments": 500}, r"too little parallel text: .* 41 for test and 500 for valid"),
    ],
)
def test_data_that_the_text_cannot_fill(tiny, own_text, tmp_path, data, message):
    data = dataclasses.replace(tiny.data, **data)
    with pytest.raises(SharingError, match=message):
        prepare(dataclasses.replace(tiny, data=data), tmp_path, own_text)
    assert not list(tmp_path.rglob("*.part"))


def test_moses_and_bpe(own_text, tmp_path):
    text, codes, cut = (tmp_path / name for name in ("text.en", "codes", "cut.en"))
    moses_bpe.learn(own_text, 60, codes)
    text.write_text("Bamen's dotal-kiros, 3.5 & (lumen)!\n")
    assert moses_bpe.encode(text, "en", codes, cut) == len(cut.read_text().split())
    assert "@@ " in cut.read_text()
    tokens = cut.read_text().replace("@@ ", "").split()
    assert tokens[:4] == ["Bamen", "&apos;s", "dotal", "@-@"]
    assert MosesDetokenizer("en").detokenize(tokens) + "\n" == text.read_text()


@pytest.mark.slow
def test_a_disk_that_fills(wmt, tmp_path):
    plant(tmp_path, 2000)
    runs = tmp_path / "runs"
    for limit in (1_000, 60_000, 100_000):

        def limited(size: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        status, output = finished(wmt, runs, preexec_fn=limited)
        *_, error = output.splitlines()
        assert status == 2
        assert error.startswith("fairseq-sharing: error: ")
        assert "File too large" in error
        assert "run the same command to go on" in error
        assert "Traceback" not in output
        assert not list(runs.rglob("*/*.part"))
    assert finished(wmt, runs)[0] == 0
    assert finished(wmt, tmp_path / "undisturbed")[0] == 0
    assert contents(runs / "wmt") == contents(tmp_path / "undisturbed/wmt")


@pytest.mark.slow
def test_killed_in_every_step_it_ends_with_the_same_bytes(wmt, tmp_path, capsys):
    plant(tmp_path, 4_000)
    folder = tmp_path / "runs" / "wmt"
    undisturbed = started(wmt, tmp_path / "undisturbed")
    begun = [time.monotonic() for _ in undisturbed.stdout]
    assert undisturbed.wait() == 0
    lengths = [end - begin for begin, end in pairwise(begun)]
    draw, summary = Random(1), []
    for step, length in zip(STEPS, lengths, strict=True):
        process, delay = started(wmt, folder.parent), None
        for line in process.stdout:
            if line.startswith(f"prepare: {step} ("):
                delay = draw.uniform(0, length)
                time.sleep(delay)
                break
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        parts = sorted(path.name for path in folder.rglob("*.part"))
        when = "was done before" if delay is None else f"{delay:.2f} of {length:.2f} s into it"
        summary.append(f"{step}: {when}, {'alive' if alive else 'ended'}, in part: {parts}")
    while (again := finished(wmt, folder.parent))[0] != 0:
        assert "another run is at work" in again[1], again[1]
        time.sleep(0.5)
    with capsys.disabled():
        print("", *(f"killed in {line}" for line in summary), f"then: {again[1]}", sep="\n")
    assert contents(folder) == contents(tmp_path / "undisturbed/wmt")
    manifests = [f / "corpus/manifest.json" for f in (folder, tmp_path / "undisturbed/wmt")]
    assert manifests[0].read_text() == manifests[1].read_text()
