"""Exports of models that share sublayers, have no decoder feed-forwards, or parts of their own."""

import pytest
from shipping import SHARED, decode, train

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.translate import MAX_LENGTH, Translator

WAYS = {
    "no decoder ffn": (
        *("--encoder-layers", 3, "--decoder-layers", 3, "--sharing-strategy", "universal"),
        *("--share-sublayers", "ffn", "--no-decoder-ffn", "--encoder-ffn-embed-dim", 256),
    ),
    "across sides": (
        *("--encoder-ffn-map", "0,1", "--decoder-encoder-ffn-map", "1,0"),
        *("--decoder-cross-attention-map", "0,0"),
    ),
    "parts of their own": (*SHARED, "--own", "norms,biases,scales", "--own-rank", 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("norms", ["before", "after"])
@pytest.mark.parametrize("way", WAYS)
def test_translations_are_those_of_fairseq(trained, tmp_path, way, norms):
    before = ("--encoder-normalize-before", "--decoder-normalize-before")
    options = (*WAYS[way], *(before if norms == "before" else ("--lr", 0.003)))
    train(trained, tmp_path / "checkpoints", *options)
    path = tmp_path / "checkpoints" / "checkpoint_last.pt"
    folder = tmp_path / "export"
    export_ct2(Checkpoint.read(path), trained.data, folder, sentencepiece=trained.spm)
    decoded = decode(trained, path, "--post-process", "sentencepiece", "--beam", 1)
    expected = [line.split("\t")[1] for line in decoded]
    ended = [k for k, line in enumerate(expected) if len(line.split()) < MAX_LENGTH / 10]
    assert len(ended) > 5
    got = list(Translator(folder).translate(trained.text("en"), beam=1))
    assert [got[k] for k in ended] == [expected[k] for k in ended]
    card = (folder / "README.md").read_text()
    assert str(Checkpoint.read(path).skeleton().maps["encoder"]) in card
