"""The model card: metadata that parses, and only what is known."""

import json

import pytest
import yaml

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError
from fairseq_sharing.experiment.stages import Stage
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.model_card import Card, check_run_folder
from fairseq_sharing.files import sha256

SCORE = {
    "bleu": 21.034,
    "bleu_interval": 1.2,
    "chrf": 45.678,
    "chrf_interval": 0.9,
    "segments": 500,
    "bleu_signature": "nrefs:1|case:mixed",
    "chrf_signature": "nrefs:1|nc:6",
}
CORPUS = {
    "corpus": "libreoffice",
    "origin": {"help.deb": "ab12"},
    "segments": {"train": 19320, "test": 500},
}


@pytest.fixture
def run_folder(tmp_path):
    """A system's folder as the recipe leaves it."""
    folder = tmp_path / "demo" / "cycle_rev"
    folder.mkdir(parents=True)
    (folder.parent / "corpus").mkdir()
    (folder.parent / "corpus" / "manifest.json").write_text(json.dumps(CORPUS))
    (folder / "scores.json").write_text(json.dumps({"test": SCORE}))
    (folder / "command.txt").write_text("fairseq-train data-bin --arch shared_transformer\n")
    return folder


def parts(card: str):
    """The metadata and the text."""
    _, header, text = card.split("---\n", 2)
    return yaml.safe_load(header), text


def test_a_card_has_what_the_run_folder_knows(trained, run_folder):
    card = Card("en-de", ("en", "de"), "int8", "cc-by-4.0", run_folder)
    header, text = parts(card.text(Checkpoint.read(trained.last), 1_500_000))
    assert header["language"] == ["en", "de"]
    assert header["license"] == "cc-by-4.0"
    (result,) = header["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "bleu", "value": 21.03}
    for fact in (
        *("0,1,1,0 (4 layers, 2 unique)", "1.5 MB (int8)", "19,320 train", "help.deb"),
        *("21.0 ± 1.2", "nrefs:1|case:mixed", "fairseq-train data-bin"),
    ):
        assert fact in text


def test_the_data_are_found_beside_a_run_folder_that_was_linked(trained, run_folder, tmp_path):
    run_folder.rename(tmp_path / "big disk")
    run_folder.symlink_to(tmp_path / "big disk")
    card = Card("en-de", ("en", "de"), "int8", run_folder=run_folder)
    assert "19,320 train" in card.text(Checkpoint.read(trained.last), 9)


@pytest.mark.parametrize(("fp16", "precision"), [(None, "32"), (False, "32"), (True, "16")])
def test_the_scores_are_of_the_precision_that_was_decoded_in(trained, run_folder, fp16, precision):
    if fp16 is not None:
        Stage(run_folder, "decode.test", {"generate": {"beam": 4, "fp16": fp16}}).finish()
    card = Card("en-de", ("en", "de"), "int8", run_folder=run_folder)
    assert f"decoded by fairseq in float{precision}, with" in card.text(
        Checkpoint.read(trained.last), 1
    )


def test_scores_of_another_checkpoint_are_called_that(trained, run_folder):
    digest = sha256(trained.last)
    card = Card("en-de", ("en", "de"), "int8", run_folder=run_folder)
    for scored, said in ((digest, "Of the checkpoint, decoded"), ("ab12", "SHA-256 ab12, decoded")):
        Stage(run_folder, "decode.test", {"checkpoint": scored}).finish()
        header, text = parts(card.text(Checkpoint.read(trained.last), 1))
        assert said in text
        assert ("model-index" in header) == (scored == digest)


def test_a_card_without_a_run_folder_claims_nothing(trained, exported):
    header, text = parts((exported / "README.md").read_text("utf-8"))
    assert header["license"] == "unknown"
    assert "model-index" not in header
    assert "BLEU" not in text
    assert "## Data" not in text


def test_a_model_that_shares_nothing_is_not_said_to_share(trained):
    checkpoint = Checkpoint.read(trained.last)
    plain = Checkpoint(trained.last, unroll(checkpoint))
    for model, shares in ((checkpoint, True), (plain, False)):
        header, text = parts(Card("en-de", ("en", "de"), "float32").text(model, 1))
        assert ("parameter-sharing" in header["tags"]) == shares
        assert ("layers share parameters" in text) == shares


@pytest.mark.parametrize("damaged", ['{"test": ', '{"test": {"chrf": 3}}', "[1]"])
def test_damaged_records_are_named_and_nothing_is_left(trained, run_folder, tmp_path, damaged):
    (run_folder / "scores.json").write_text(damaged)
    with pytest.raises(SharingError, match=r"--run-folder .*cycle_rev: its scores\.json.*damaged"):
        export_ct2(
            *(Checkpoint.read(trained.last), trained.data, tmp_path / "out"),
            sentencepiece=trained.spm,
            run_folder=run_folder,
        )
    assert list(tmp_path.iterdir()) == [run_folder.parent]


def test_a_folder_that_is_no_run_is_refused(trained, tmp_path):
    with pytest.raises(SharingError, match=r"holds no command\.txt"):
        check_run_folder(tmp_path)
    with pytest.raises(SharingError, match=r"holds no command\.txt"):
        export_ct2(
            *(Checkpoint.read(trained.last), trained.data, tmp_path / "out"),
            sentencepiece=trained.spm,
            run_folder=tmp_path,
        )
