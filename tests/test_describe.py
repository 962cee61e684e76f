"""``fairseq-sharing describe``: the figures it prints and what it refuses."""

import json

import pytest
from support import DATA, run

from fairseq_sharing.cli import main
from fairseq_sharing.cost import Sizes, multiply_adds, weightless_model
from fairseq_sharing.strategies import FIXED_UNIQUE
from fairseq_sharing.tying import count_parameters

BASE = ("--strategy", "cycle_rev", "--layers", "12", "--unique-layers", "6")
UNIVERSAL = (
    *("--strategy", "universal", "--layers", "6", "--embed-dim", "1024"),
    *("--ffn-dim", "4096", "--heads", "16"),
)


@pytest.mark.parametrize(("arguments", "parameters"), [(BASE, 60_915_712), (UNIVERSAL, 62_947_328)])
def test_parameters_of_the_papers_sizes(arguments, parameters, capsys):
    assert main(["describe", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == parameters


@pytest.mark.parametrize("row", json.loads((DATA / "layer_maps.json").read_text())[::4], ids=str)
def test_parameters_of_the_released_implementation(row):
    unique = row["num_unique"] if row["strategy"] not in FIXED_UNIQUE else None
    model = weightless_model(
        Sizes(),
        sharing_strategy=row["strategy"],
        encoder_layers=row["num_layers"],
        decoder_layers=row["num_layers"],
        encoder_unique_layers=unique,
        decoder_unique_layers=unique,
    )
    assert count_parameters(model) == row["params_base"]


def test_the_drawing_reads_without_colour():
    printed = run("fairseq-sharing", "describe", *BASE, env={"NO_COLOR": "1"}).stdout
    assert " 0   1   2   3   4   5   5   4   3   2   1   0 " in printed
    assert "60,915,712" in printed
    assert "105,054,208 (42% saved)" in printed


def test_multiply_adds_by_hand():
    """d=2, ffn=3, 5 words, 7 tokens: 16 + 12 + 28 in the encoder, 32 + 12 + 56 in the decoder."""
    assert multiply_adds(Sizes(2, 3, 1, 5), (0,), (0,), 7) == 56 + 100 + 10


def test_multiply_adds_of_a_shared_layer_project_the_encoder_output_once():
    """A second decoder layer costs 24 + 12 + 56: no new keys and values, which are 8."""
    assert multiply_adds(Sizes(2, 3, 1, 5), (0, 0), (0, 0), 7) == 2 * 56 + 100 + 92 + 10


@pytest.mark.parametrize(("depth", "speed"), [(12, 0.597), (18, 0.426)])
def test_predicted_speed_at_base_sizes(depth, speed, capsys):
    arguments = ("--strategy", "cycle", "--layers", str(depth), "--unique-layers", "6", "--json")
    assert main(["describe", *arguments]) == 0
    predicted = json.loads(capsys.readouterr().out)["predicted_relative_speed"]
    assert predicted == pytest.approx(speed, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--strategy", "zigzag", "--layers", "6"), "unknown sharing strategy 'zigzag'"),
        (("--strategy", "cycle", "--layers", "6"), "from 1 to 6"),
        (("--strategy", "cycle", "--layers", "6", "--unique-layers", "9"), "got 9"),
        (("--strategy", "universal", "--layers", "6", "--unique-layers", "1"), "drop it"),
        (("--strategy", "cycle"), "give --strategy and --layers"),
        (("--layer-map", "0,2"), "entry 2 at layer 1"),
        (("--layer-map", "0,1", "--layers", "3"), "2 entries for 3 layers"),
        (("--layer-map", "0,1", "--strategy", "cycle"), "drop the others"),
        ((*BASE, "--embed-dim", "100"), "--embed-dim 100 must be a multiple of --heads 8"),
        ((*BASE, "--ffn-dim", "0"), "--ffn-dim 0: must be from 1 to 10,000,000"),
        ((*BASE, "--vocabulary", "3"), "--vocabulary 3: must be from 5"),
        ((*BASE, "--vocabulary", "9" * 20), "to 10,000,000"),
        (("--strategy", "universal", "--layers", "9999999"), "at most 1,000"),
    ],
)
def test_wrong_options_are_one_line(arguments, line, capsys):
    assert main(["describe", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("fairseq-sharing: error: ")
    assert line in printed.err
    assert printed.err.count("\n") == 1
