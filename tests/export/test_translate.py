"""Raw text through an export, against fairseq-generate on the same sentences."""

import io
import re

import ctranslate2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipping import decode
from support import run

from fairseq_sharing.cli.translate import read_lines
from fairseq_sharing.errors import SharingError
from fairseq_sharing.export.translate import MAX_LENGTH, Translator


@pytest.fixture(scope="module")
def exported_translator(exported):
    return Translator(exported)


@pytest.mark.parametrize("beam", [1, 4])
def test_translations_are_those_of_fairseq(trained, exported, beam):
    options = ("--post-process", "sentencepiece", "--beam", beam)
    expected = [line.split("\t")[1] for line in decode(trained, trained.last, *options)]
    got = list(Translator(exported).translate(trained.text("en"), beam=beam))
    assert len(set(expected)) > 20
    ended = [k for k, line in enumerate(expected) if len(line.split()) < MAX_LENGTH / 10]
    assert len(ended) > 30
    assert [got[k] for k in ended] == [expected[k] for k in ended]


def test_lines_stay_in_order_whatever_the_batch(trained, exported):
    translator, lines = Translator(exported), trained.text("en")
    together = list(translator.translate(lines, batch_size=40))
    assert list(translator.translate(lines, batch_size=3)) == together
    assert list(translator.translate([lines[5]])) == [together[5]]


@pytest.mark.parametrize("compute_type", ["float32", "int8"])
def test_compute_types_of_the_processor(trained, exported, compute_type):
    lines = trained.text("en")[:20]
    found = list(Translator(exported, compute_type=compute_type).translate(lines))
    assert len(found) == 20
    if compute_type == "float32":
        assert found == list(Translator(exported).translate(lines))


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
def test_a_gpu_that_is_missing_is_said_in_one_line(exported):
    options = ("--model", exported, "--device", "cuda")
    result = run("fairseq-sharing", "translate", *options, input="a\n", check=False)
    assert result.returncode == 2
    assert result.stdout.count("\n") == 1
    assert "--device cuda: CTranslate2 finds no GPU here" in result.stdout


def test_the_command_takes_text_and_gives_text(trained, exported):
    text = "\n".join(["red cat", "", "the house ö", "dog sees"])
    printed = run("fairseq-sharing", "translate", "--model", exported, input=text).stdout
    lines = [line for line in printed.splitlines() if not line.startswith("fairseq-sharing: ")]
    assert len(lines) == 4
    assert lines[1] == ""


def test_wrong_input_ends_with_one_line(exported, tmp_path):
    for arguments, message in [
        (("--model", tmp_path), "is no exported model; make one with"),
        (("--model", exported, "--beam", 0), "--beam 0: must be from 1 to 1,000"),
        (("--model", exported, "--threads", 99999), "--threads 99999: must be from 1 to 1,000"),
        (("--model", exported, "--batch-size", 10**20), "--batch-size 1000.*: must be"),
        (("--model", exported, "--length-penalty", "nan"), "nan: must be a finite number"),
        (("--model", exported, "--compute-type", "float16"), "float16: this machine's cpu has"),
    ]:
        result = run("fairseq-sharing", "translate", *arguments, input="a\n", check=False)
        assert result.returncode == 2
        assert re.search(message, result.stdout)
        assert result.stdout.count("\n") == 1
    (exported_copy := tmp_path / "copy").mkdir()
    (exported_copy / "model.bin").write_bytes(b"no model")
    with pytest.raises(SharingError, match="is no SentencePiece model"):
        Translator(exported_copy)


def test_text_that_is_not_utf8_is_named_by_its_line(exported, tmp_path):
    path = tmp_path / "latin1.txt"
    path.write_bytes("gut\ngrün\n".encode("latin-1"))
    with path.open("rb") as file:
        result = run("fairseq-sharing", "translate", "--model", exported, stdin=file, check=False)
    assert result.returncode == 2
    assert "line 2 of the input is not UTF-8" in result.stdout


ODD = st.sampled_from(["\r", "\x85", "\u2028", "\x1c", "\x00", "\ufeff", "▁", "red", "<s>", " "])
LINES = st.lists(st.one_of(ODD, st.text(max_size=5)), max_size=5).map("".join)


@settings(max_examples=15, deadline=None)
@given(st.lists(LINES.map(lambda line: line.replace("\n", "")), max_size=8), st.booleans())
def test_whatever_the_text_a_line_comes_out_for_each(exported_translator, lines, ended):
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    expected = text.count("\n") + (text != "" and not text.endswith("\n"))
    read = list(read_lines(io.BytesIO(text.encode("utf-8", "replace"))))
    assert len(read) == expected
    printed = list(exported_translator.translate(read, beam=1))
    assert len(printed) == expected
    assert not any(end in line for line in printed for end in "\r\n")
