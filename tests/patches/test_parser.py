"""fairseq's option parser, as the plugin changes it."""

import logging

import pytest
from fairseq import options

from fairseq_sharing import SharingError


def parse(*arguments):
    return options.parse_args_and_arch(options.get_training_parser(), ["data", *arguments])


@pytest.mark.parametrize(
    ("arch", "meant"),
    [
        ("shared_transformr", "did you mean shared_transformer? The plugin has"),
        ("transformer_wmt_en_d", "did you mean transformer_wmt_en_de? The plugin has"),
        ("Ω", "no such architecture; The plugin has"),
    ],
)
def test_an_unknown_preset_is_one_line_with_the_plugins_own(arch, meant):
    with pytest.raises(SharingError, match=f"--arch {arch}: no such architecture") as error:
        parse("--arch", arch)
    assert meant in str(error.value)
    assert "shared_transformer_wmt_en_de" in str(error.value)
    assert "\n" not in str(error.value)


def test_help_lists_the_options_of_the_model(capsys):
    with pytest.raises(SystemExit):
        parse("--arch", "shared_transformer_tiny", "--help")
    assert "--sharing-strategy" in capsys.readouterr().out


def test_a_missing_value_is_fairseqs_to_report(capsys):
    with pytest.raises(SystemExit):
        parse("--arch")
    assert "--arch" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "tpu"), [(["--bf16"], False), (["--bf16", "--tpu"], True)])
def test_bf16_asks_for_no_tpu(given, tpu):
    args = parse("--arch", "shared_transformer_tiny", *given)
    assert (args.bf16, args.tpu) == (True, tpu)


def test_tied_layers_are_not_logged_name_by_name(caplog):
    trainer = logging.getLogger("fairseq.trainer")
    kept = ["detected shared parameter: encoder.embed_tokens.weight <- decoder.embed_tokens.weight"]
    with caplog.at_level(logging.INFO, "fairseq.trainer"):
        trainer.info("detected shared parameter: encoder.layers.0.fc1.bias <- encoder.layers.5.fc1")
        trainer.info(kept[0])
    assert caplog.messages == kept
