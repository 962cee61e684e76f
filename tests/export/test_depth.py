"""Exports of a model before and after it grew: the layers that ran, the same translations."""

import pytest
from shipping import PRE_NORM, SHARED, decode, train

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.translate import MAX_LENGTH, Translator

STEP = 100


@pytest.fixture(scope="module")
def grown(trained, tmp_path_factory):
    """The checkpoints of updates 94, of 2 layers, and 150, of 4."""
    folder = tmp_path_factory.mktemp("grown")
    options = (*SHARED, *PRE_NORM, "--save-interval-updates", 47)
    train(trained, folder, *options, "--grow-depth-at", STEP)
    return {2: next(folder.glob("checkpoint_*_94.pt")), 4: folder / "checkpoint_last.pt"}


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 4])
def test_translations_are_those_of_fairseq(trained, grown, tmp_path, depth):
    folder = tmp_path / "export"
    export_ct2(Checkpoint.read(grown[depth]), trained.data, folder, sentencepiece=trained.spm)
    options = ("--post-process", "sentencepiece")
    decoded = decode(trained, grown[depth], *options)
    expected = [line.split("\t")[1] for line in decoded]
    ended = [k for k, line in enumerate(expected) if len(line.split()) < MAX_LENGTH / 10]
    assert len(ended) > 10
    got = list(Translator(folder).translate(trained.text("en"), beam=4))
    assert [got[k] for k in ended] == [expected[k] for k in ended]
    model = (folder / "model.bin").read_bytes()
    for side in (b"encoder", b"decoder"):
        assert b"%b/layer_%d/" % (side, depth - 1) in model
        assert b"%b/layer_%d/" % (side, depth) not in model
    layers = {2: "0,1 (2 layers, 2 unique)", 4: "0,1,1,0 (4 layers, 2 unique)"}
    assert layers[depth] in (folder / "README.md").read_text()
