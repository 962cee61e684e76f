"""Preparing: planted WMT data offline, again only where something changed, or an error."""

import dataclasses
import json
import re
import shutil
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from planted import lines, pairs, plant_sacrebleu
from planted_wmt import BAD, SETS, STEPS, contents, finished, plant, write_experiment
from sacremoses import MosesDetokenizer

from fairseq_sharing import SharingError
from fairseq_sharing.corpus import moses_bpe
from fairseq_sharing.corpus.prepare import prepare, require_prepared


def test_wmt_data_offline(tmp_path, tiny_text):
    wmt = write_experiment(tmp_path, tiny_text)
    training = plant(tmp_path, 300)
    planted = list(chain.from_iterable(training.values()))
    folder = tmp_path / "my runs" / "wmt"
    status, output = finished(wmt, folder.parent)
    assert status == 0, output
    begun = re.findall(r"^prepare: (.*) \(not done yet\)$", output, re.MULTILINE)
    assert begun == list(STEPS)
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
    dropped = counts["pairs"]["repeated"], counts["pairs"]["validated or tested on"]
    assert f"prepare: corpus: read {len(planted):,} pairs, kept {len(kept)}; dropped " in output
    assert {f"{dropped[0]} repeated", f"{dropped[1]} validated or tested on"} < set(
        re.split("[;,\n] ?(?:dropped )?", output)
    )
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


def test_no_network(tmp_path, tiny_text):
    wmt = write_experiment(tmp_path, tiny_text)
    plant_sacrebleu(tmp_path, "wmt13", pairs(20, 1))
    status, output = finished(wmt, tmp_path / "runs")
    begun, error = output.splitlines()
    assert (status, begun) == (2, "prepare: named sets (not done yet)")
    assert error.startswith("fairseq-sharing: error: sacrebleu:wmt10: the download from https://")
    assert "check the network" in error


def test_an_unknown_set_is_said_before_anything_is_fetched(tmp_path, tiny_text):
    wmt = write_experiment(tmp_path, tiny_text)
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
    return re.findall(r"^prepare: ([a-z ]+) \(", capsys.readouterr().out, re.MULTILINE)


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
        (
            {"valid_segments": 500},
            r"too little .* 41 for test and 500 for valid.*; read \d+ pairs, .*; dropped none",
        ),
        ({"max_words": 2}, r"too little text: .* kept 0; dropped \d+ too long$"),
    ],
)
def test_data_that_the_text_cannot_fill(tiny, own_text, tmp_path, data, message):
    data = dataclasses.replace(tiny.data, **data)
    with pytest.raises(SharingError, match=message):
        prepare(dataclasses.replace(tiny, data=data), tmp_path, own_text)
    assert not list(tmp_path.rglob("*.part"))


def test_moses_and_bpe(tiny, own_text, tmp_path):
    text, codes, cut = (tmp_path / name for name in ("text.en", "codes", "cut.en"))
    moses_bpe.learn(own_text, dataclasses.replace(tiny.data, vocabulary=60), codes)
    text.write_text("Bamen's dotal-kiros, 3.5 & (lumen)!\n")
    assert moses_bpe.encode(text, "en", codes, cut) == len(cut.read_text().split())
    assert "@@ " in cut.read_text()
    tokens = cut.read_text().replace("@@ ", "").split()
    assert tokens[:4] == ["Bamen", "&apos;s", "dotal", "@-@"]
    assert MosesDetokenizer("en").detokenize(tokens) + "\n" == text.read_text()
