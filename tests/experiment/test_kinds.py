"""An experiment with language models: its file, and the commands that it runs."""

import pytest
from tiny_texts import TINY

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.commands.parsing import read_command
from fairseq_sharing.corpus.prepare import preprocessing_command
from fairseq_sharing.evaluation.of_kind import outputs_of
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import read_run, runs_of, save_run
from fairseq_sharing.model.sublayers import SUBLAYERS, SideMap
from fairseq_sharing.report.plan import estimates
from fairseq_sharing.training.command import training_command

CPU = Devices("cpu", 1)

MISTAKES = {
    "an unknown kind": ('kind = "language_model"', 'kind = "lm"', "kind = 'lm': choose from tran"),
    "an encoder": (
        'strategy = "none"',
        'strategy = "none"\nencoder = {strategy = "none", layers = 2}',
        "system vanilla: encoder = {...}: a language model has no encoder",
    ),
    "text as it is, of which some is held out": (
        "max_words = 8",
        "verbatim = true",
        "[data] valid_segments = 20: verbatim = true takes text as it is, so nothing is held out",
    ),
    "text as it is with a limit": (
        "max_words = 8",
        "max_words = 8\nverbatim = true",
        "[data] max_words = 8: verbatim = true takes text as it is, so nothing is dropped",
    ),
    "no limit": ("max_words = 8", "", "[data]: 'max_words' is missing"),
    "a tokeniser of BLEU": (
        'baseline = "vanilla"',
        'baseline = "vanilla"\nbleu_tokenizer = "char"',
        "bleu_tokenizer is for translations",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_language_model_does_not_have_is_one_line(texts_file, mistake):
    old, new, message = MISTAKES[mistake]
    texts_file.write_text(TINY.replace(old, new, 1))
    with pytest.raises(SharingError) as refused:
        load(texts_file)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_whole_words_are_for_language_models_alone(tiny_file, tiny_text):
    own = tiny_text.replace("vocabulary = 40", 'vocabulary = 40\nsegmentation = "words"')
    tiny_file.write_text(own)
    with pytest.raises(SharingError, match="'words': choose from sentencepiece, bpe"):
        load(tiny_file)


def test_training_is_of_the_decoder_alone(texts, tmp_path):
    run = runs_of(texts, tmp_path)[1]
    args = read_command(run.name, training_command(run, tmp_path, CPU))
    assert (args.task, args.arch) == ("language_modeling", "shared_transformer_lm")
    assert (args.decoder_layers, args.decoder_unique_layers) == (4, 2)
    assert not hasattr(args, "source_lang")
    assert run.maps == {"decoder": SideMap.of((0, 1, 1, 0), ("self_attention", "ffn"), SUBLAYERS)}


def test_the_text_of_one_side_is_binarised_and_scored(texts, tmp_path):
    words = preprocessing_command(texts, tmp_path)
    assert words[words.index("--trainpref") + 1].endswith("train.en")
    assert "--only-source" in words
    command = outputs_of(texts).command(runs_of(texts, tmp_path)[0], 0, tmp_path, cpu=True)
    args = read_command("test", command)
    assert (args.tokens_per_sample, args.context_window, args.output_word_probs) == (32, 8, True)
    assert args.required_batch_size_multiple == 1


def test_the_record_of_a_run_is_read_back(texts, tmp_path):
    run = runs_of(texts, tmp_path)[1]
    save_run(run)
    assert read_run(run.folder).maps == run.maps
    assert read_run(run.folder).experiment.models is texts.models


def test_a_plan_counts_layers_without_cross_attention(texts, tmp_path):
    shallow, deep = estimates(texts, tmp_path, CPU)
    assert shallow.parameters == deep.parameters
    assert (deep.unique_layers, deep.layers) == ("2", "4")
    layer = 4 * 16**2 + 2 * 16 * 32 + 2 * 32 * 16
    assert deep.flops - shallow.flops == pytest.approx(6 * 2 * layer * deep.tokens)
