"""CTranslate2 models: what they weigh, what is refused, what is left behind."""

import argparse
import resource
import subprocess

import pytest
import sentencepiece
from support import BIN

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.cli import main
from fairseq_sharing.errors import SharingError
from fairseq_sharing.export.ct2 import export_ct2


def test_the_folder_has_all_that_translating_needs(exported):
    names = {path.name for path in exported.iterdir()}
    assert {"model.bin", "config.json", "shared_vocabulary.json", "sentencepiece.model"} <= names
    assert list(exported.parent.iterdir()) == [exported]


def test_int8_is_smaller_and_shared_layers_count_once(trained, exported, tmp_path):
    arguments = ["--data", str(trained.data), "--spm", str(trained.spm), "--quantization", "int8"]
    assert (
        main(["export", "ct2", str(trained.last), *arguments, "--output", str(tmp_path / "i")]) == 0
    )
    small = (tmp_path / "i" / "model.bin").stat().st_size
    assert small < 0.7 * (exported / "model.bin").stat().st_size
    unique = sum(t.numel() for name, t in Checkpoint.read(trained.last).state.items())
    positions = 4 * 64 * 1024
    assert (exported / "model.bin").stat().st_size < 4 * unique + positions + 50_000


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("adaptive_input", True, "has no --adaptive-input"),
        ("no_cross_attention", True, "has no --no-cross-attention"),
        ("activation_fn", "tanh", "Option --activation-fn tanh is not supported"),
        ("no_token_positional_embeddings", True, "--no-token-positional-embeddings"),
    ],
)
def test_unsupported_options_are_named(trained, tmp_path, option, value, message):
    checkpoint = Checkpoint.read(trained.last)
    setattr(checkpoint.content["cfg"]["model"], option, value)
    with pytest.raises(SharingError, match=message):
        export_ct2(checkpoint, trained.data, tmp_path / "out", sentencepiece=trained.spm)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [dict, argparse.Namespace], ids=["of today", "with arguments"])
def test_a_model_of_another_task_is_refused_by_its_name(trained, tmp_path, kind):
    """This one adds a token for each language to the dictionary and to the text."""
    checkpoint = Checkpoint.read(trained.last)
    name = "translation_multi_simple_epoch"
    checkpoint.content["cfg"]["task"] = kind(_name=name, source_lang="en", target_lang="de")
    with pytest.raises(SharingError, match=rf"is of the task {name}; only models of the task tr"):
        export_ct2(checkpoint, trained.data, tmp_path / "out", sentencepiece=trained.spm)
    assert not list(tmp_path.iterdir())


def test_outputs_that_hold_something_are_kept(trained, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    checkpoint = Checkpoint.read(trained.last)
    for output in (tmp_path / "out", tmp_path / "out" / "precious"):
        with pytest.raises(SharingError, match="is not an empty folder"):
            export_ct2(checkpoint, trained.data, output, sentencepiece=trained.spm)
    with pytest.raises(SharingError, match="there is no folder"):
        export_ct2(checkpoint, trained.data, tmp_path / "a" / "b", sentencepiece=trained.spm)


def test_data_that_does_not_fit_is_named(trained, tmp_path):
    checkpoint, output = Checkpoint.read(trained.last), tmp_path / "out"
    with pytest.raises(SharingError, match=r"train\.en is no SentencePiece model"):
        export_ct2(checkpoint, trained.data, output, sentencepiece=trained.folder / "train.en")
    with pytest.raises(SharingError, match=r"no dictionary .*dict\.en\.txt"):
        export_ct2(
            *(checkpoint, tmp_path, output),
            sentencepiece=trained.spm,
            languages=("en", "de"),
        )
    with pytest.raises(SharingError, match="give --source-lang and --target-lang"):
        export_ct2(checkpoint, tmp_path, output, sentencepiece=trained.spm)
    (tmp_path / "dict.en.txt").write_text("one 1\n")
    with pytest.raises(SharingError, match="has 5 entries, the encoder's embeddings"):
        export_ct2(
            *(checkpoint, tmp_path, output),
            sentencepiece=trained.spm,
            languages=("en", "de"),
        )
    assert not output.exists()


@pytest.mark.parametrize("damaged", [b"one\n", b"a\xff 3\n", b"one 1\none 2\n"])
def test_a_damaged_dictionary_is_named(trained, tmp_path, damaged):
    for language in ("en", "de"):
        (tmp_path / f"dict.{language}.txt").write_bytes(damaged)
    with pytest.raises(SharingError, match=r"dict\.en\.txt is damaged \(.*\); give the --data"):
        export_ct2(
            *(Checkpoint.read(trained.last), tmp_path, tmp_path / "out"),
            sentencepiece=trained.spm,
            languages=("en", "de"),
        )
    assert not (tmp_path / "out").exists()


def test_a_sentencepiece_model_of_other_text_is_refused(trained, tmp_path):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["0123456789 9876543210"] * 20),
        model_prefix=str(tmp_path / "digits"),
        vocab_size=15,
        minloglevel=2,
    )
    with pytest.raises(SharingError, match=r"digits\.model has only \d of the dictionary's \d+"):
        export_ct2(
            *(Checkpoint.read(trained.last), trained.data, tmp_path / "out"),
            sentencepiece=tmp_path / "digits.model",
        )
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(trained, tmp_path):
    output = tmp_path / "out"
    command = [BIN / "fairseq-sharing", "export", "ct2", trained.last, "--data", trained.data]
    result = subprocess.run(
        [*command, "--spm", trained.spm, "--output", output],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"fairseq-sharing: error: cannot write {output}: File too large"
    ]
    assert not list(tmp_path.iterdir())
