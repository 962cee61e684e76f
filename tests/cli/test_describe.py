"""``fairseq-sharing describe``: the figures it prints and what it refuses."""

import json

import pytest
from support import DATA, run

from fairseq_sharing.cli import main
from fairseq_sharing.model.cost import Sizes, multiply_adds, multiply_adds_over, weightless_model
from fairseq_sharing.model.growth import Schedule
from fairseq_sharing.model.strategies import FIXED_UNIQUE
from fairseq_sharing.model.tying import count_parameters

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


def test_the_multiply_adds_of_a_training_that_grows(capsys):
    """A third of it at depth 6, a third at 9 and a third at 12 are the mean of the three."""
    growth = ("--grow-depth-at", "100,200", "--max-update", "300")
    assert main(["describe", *BASE, *growth, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    depths = ((*range(6), *range(5, 5 - more, -1)) for more in (0, 3, 6))
    expected = sum(multiply_adds(Sizes(), layers, layers, 25) for layers in depths) / 3
    assert facts["multiply_adds_per_target_token"] == round(expected)
    assert facts["grow_depth_at"] == [100, 200]
    assert 0.597 < facts["predicted_relative_speed"] < 1
    assert main(["describe", *BASE, *growth]) == 0
    assert "per target token, mean over the training" in capsys.readouterr().out


def test_multiply_adds_over_a_training_by_hand():
    """One update of 166 at depth 1, three of 314 at depth 2."""
    maps = ((0, 0), (0, 0))
    assert multiply_adds_over(Sizes(2, 3, 1, 5), maps, 7, Schedule((1,)), 4) == 277


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
        ((*BASE, "--grow-depth-at", "9"), "needs a greater --max-update, got none"),
        ((*BASE, "--grow-depth-at", "9", "--max-update", "9"), "greater --max-update, got 9"),
        ((*BASE, "--grow-depth-at", "5,4", "--max-update", "9"), "at least 1 and increasing"),
    ],
)
def test_wrong_options_are_one_line(arguments, line, capsys):
    assert main(["describe", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("fairseq-sharing: error: ")
    assert line in printed.err
    assert printed.err.count("\n") == 1
