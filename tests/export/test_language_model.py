"""A language model for CTranslate2: its own converter takes it where it has what it takes."""

import json

import ctranslate2
import pytest
import torch
import yaml
from text_model import train_once
from toy import Toy

from fairseq_sharing import SharedLanguageModel
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.errors import SharingError
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.model_card import Card
from fairseq_sharing.export.translate import Translator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Toy:
    return train_once(tmp_path_factory.getbasetemp() / "text model")


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "english"
    export_ct2(Checkpoint.read(model.last), model.data, folder, sentencepiece=model.spm)
    return folder


def test_it_scores_as_fairseq_does(model, exported):
    loaded = SharedLanguageModel.from_pretrained(
        str(model.last.parent), model.last.name, str(model.data)
    )
    pieces = model.pieces("the red")
    expected = loaded.score(" ".join(pieces))["positional_scores"]
    generator = ctranslate2.Generator(str(exported))
    found = generator.score_batch([["</s>", *pieces]])[0].log_probs
    torch.testing.assert_close(torch.tensor(found), expected[: len(found)], atol=1e-4, rtol=0)


def test_its_card_says_what_it_is(exported):
    header = yaml.safe_load((exported / "README.md").read_text("utf-8").split("---\n")[1])
    assert header["pipeline_tag"] == "text-generation"
    assert "translat" not in (exported / "README.md").read_text("utf-8").replace("ctranslat", "")


@pytest.mark.parametrize(("positions", "length"), [(20, 20), (512, 50)])
def test_its_card_asks_for_no_more_than_the_model_takes(model, positions, length):
    checkpoint = Checkpoint.read(model.last)
    vars(checkpoint.content["cfg"]["model"])["max_target_positions"] = positions
    assert f"max_length={length})" in Card("english", (), "int8").text(checkpoint, 9)


def test_the_card_of_a_run_has_its_perplexity(model, tmp_path):
    (tmp_path / "command.txt").write_text("fairseq-train\n")
    score = {"perplexity": 7.351, "word_perplexity": 99.5, "tokens": 1234}
    (tmp_path / "scores.json").write_text(json.dumps({"test": score}))
    text = Card("english", (), "int8", run_folder=tmp_path).text(Checkpoint.read(model.last), 9)
    (result,) = yaml.safe_load(text.split("---\n")[1])["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "perplexity", "value": 7.35}
    assert "| test | 1,234 | 7.35 | 99.50 |" in text


def test_it_does_not_translate(exported):
    with pytest.raises(SharingError, match="cannot load"):
        Translator(exported)


@pytest.mark.parametrize("option", ["adaptive_input", "character_embeddings"])
def test_what_ctranslate2_cannot_take_is_named(model, tmp_path, option):
    checkpoint = Checkpoint.read(model.last)
    vars(checkpoint.content["cfg"]["model"]).update({option: True, "adaptive_input_cutoff": "5,10"})
    with pytest.raises(SharingError, match=f"it has no --{option.replace('_', '-')}"):
        export_ct2(checkpoint, model.data, tmp_path / "out", sentencepiece=model.spm)
    assert not list(tmp_path.iterdir())
