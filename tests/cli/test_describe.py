"""``fairseq-sharing describe``: the figures it prints and what it refuses."""

import json
import re
from pathlib import Path

import pytest
from fairseq.modules import AdaptiveSoftmax
from support import DATA, both_sides, run

from fairseq_sharing.cli import main
from fairseq_sharing.cli.described import options_of
from fairseq_sharing.model.cost import (
    Sizes,
    build_weightless,
    multiply_adds,
    multiply_adds_over,
    softmax_width,
)
from fairseq_sharing.model.growth import Schedule
from fairseq_sharing.model.strategies import FIXED_UNIQUE
from fairseq_sharing.model.tying import count_parameters

LM = ("--arch", "shared_transformer_lm_gpt")
BASE = ("--strategy", "cycle_rev", "--layers", "12", "--unique-layers", "6")
ROOT = Path(__file__).parents[2]
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
    strategy = {"sharing_strategy": row["strategy"]}
    sizes = {"layers": row["num_layers"], "unique_layers": unique}
    options = options_of("shared_transformer", strategy, **sizes)
    assert count_parameters(build_weightless(options, 32_768)) == row["params_base"]


PRESETS = [
    (cells[0].strip("`"), int(cells[-1].replace(",", "")))
    for line in (ROOT / "docs" / "options.md").read_text().splitlines()
    if line.startswith(("| `shared_transformer", "| `universal_"))
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
]


@pytest.mark.parametrize(("arch", "parameters"), PRESETS)
def test_every_preset_has_the_parameters_that_fairseqs_own_options_build(arch, parameters, capsys):
    assert main(["describe", "--arch", arch, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == parameters
    assert facts["sides"] == (["decoder"] if "_lm" in arch else ["encoder", "decoder"])


def test_what_is_given_takes_the_place_of_the_presets(capsys):
    """The universal system of experiments/wikitext103.toml, whose plan counts the same."""
    wide = ("--embed-dim", "1792", "--ffn-dim", "7168", "--heads", "14")
    arch = ("--arch", "shared_transformer_lm_wiki103")
    deep = ("--strategy", "universal", "--layers", "6")
    assert main(["describe", *arch, *deep, *wide, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == 119_804_160
    assert facts["layer_map"] == [0] * 6


def test_a_language_model_is_drawn_without_an_encoder():
    arch = ("--arch", "shared_transformer_lm_wiki103")
    printed = run("fairseq-sharing", "describe", *arch, env={"NO_COLOR": "1"}).stdout
    assert re.search(r"stacked layers \(N\) +12 *\n", printed)
    assert "per token" in printed
    assert "a side" not in printed


def test_a_language_model_takes_no_option_of_an_encoder(capsys):
    with pytest.raises(SystemExit):
        main(["describe", *LM, "--encoder-layers", "6"])
    printed = capsys.readouterr().err
    assert "unrecognized arguments: --encoder-layers 6" in printed
    assert printed.count("\n") == 1


def test_multiply_adds_of_adaptive_softmax_are_its_weights():
    options = options_of("shared_transformer_lm_wiki103", {})
    softmax = AdaptiveSoftmax(500, 1024, [100, 300], 0, factor=4)
    options.adaptive_softmax_cutoff = "100,300"
    weights = sum(weight.numel() for weight in softmax.parameters())
    assert softmax_width(options, 500) == -(-weights // 1024)


def test_the_drawing_reads_without_colour():
    printed = run("fairseq-sharing", "describe", *BASE, env={"NO_COLOR": "1"}).stdout
    assert " 0   1   2   3   4   5   5   4   3   2   1   0 " in printed
    assert "60,915,712" in printed
    assert "105,054,208 (42% saved)" in printed


FFN = 2 * 512 * 2048 + 2048 + 3 * 512
"""Parameters of a feed-forward and its norm at base sizes."""


def test_what_each_layer_keeps_is_counted(capsys):
    """Norms of 12 layers, 2 + 3 of 1,024, where 6 sets are shared; deltas of rank 8."""
    own = ("--own", "norms", "--own-rank", "8", "--json")
    assert main(["describe", *BASE, *own]) == 0
    facts = json.loads(capsys.readouterr().out)
    inputs_and_outputs = 4 * 1024 + 2 * 2560 + 8 * 1024 + 2 * 2560
    more = 6 * 5 * 1024 + 12 * 8 * inputs_and_outputs
    assert facts["parameters"] == 60_915_712 + more
    keys_and_values = 6 * 2 * 512**2
    extra = 12 * 8 * inputs_and_outputs + keys_and_values
    assert facts["multiply_adds_per_target_token"] == 102_633_472 + extra
    assert facts["own"] == "norms rank 8"


@pytest.mark.parametrize(
    ("arguments", "fewer"),
    [
        (("--strategy", "universal", "--layers", "6", "--share-sublayers", "ffn"), 10 * FFN),
        (("--ffn-map", "0,1,1,2,2,2"), 6 * FFN),
        (("--ffn-map", "0,1,1,2,2,2", "--ffn-across-sides"), 9 * FFN),
        (("--ffn-map", "0,1,1,2,2,2", "--no-decoder-ffn"), 9 * FFN),
    ],
)
def test_maps_of_sublayers_are_drawn_and_counted(arguments, fewer, capsys):
    assert main(["describe", *arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"] == 60_915_712 - fewer
    layers = facts["maps"]["encoder"]["ffn"]
    assert facts["maps"]["encoder"]["self_attention"] == [0, 1, 2, 3, 4, 5]
    assert facts["predicted_relative_speed"] == 1
    assert main(["describe", *arguments]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    of_both = facts["maps"]["decoder"].get("ffn") == layers
    name, side = (["ffn"], ["a", "side"]) if of_both else (["encoder", "ffn"], [])
    assert [*name[:-1], "ffn,", "input", "first", *map(str, layers)] in lines
    assert ["unique", *name, "(M)", str(len(set(layers))), *side] in lines


def test_multiply_adds_by_hand():
    """d=2, ffn=3, 5 words, 7 tokens: 16 + 12 + 28 in the encoder, 32 + 12 + 56 in the decoder."""
    assert multiply_adds(Sizes(2, 3, 1, 5), both_sides((0,)), 7) == 56 + 100 + 10


def test_multiply_adds_of_a_shared_layer_project_the_encoder_output_once():
    """A second decoder layer costs 24 + 12 + 56: no new keys and values, which are 8."""
    assert multiply_adds(Sizes(2, 3, 1, 5), both_sides((0, 0)), 7) == 2 * 56 + 100 + 92 + 10


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
    expected = sum(multiply_adds(Sizes(), both_sides(layers), 25) for layers in depths) / 3
    assert facts["multiply_adds_per_target_token"] == round(expected)
    assert facts["grow_depth_at"] == [100, 200]
    assert 0.597 < facts["predicted_relative_speed"] < 1
    assert main(["describe", *BASE, *growth]) == 0
    assert "per target token, mean over the training" in capsys.readouterr().out


def test_multiply_adds_over_a_training_by_hand():
    """One update of 166 at depth 1, three of 314 at depth 2."""
    maps = both_sides((0, 0))
    assert multiply_adds_over(Sizes(2, 3, 1, 5), maps, 7, Schedule((1,)), 4) == 277


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--strategy", "zigzag", "--layers", "6"), "unknown sharing strategy 'zigzag'"),
        (("--strategy", "cycle", "--layers", "6"), "from 1 to 6"),
        (("--strategy", "cycle", "--layers", "6", "--unique-layers", "9"), "got 9"),
        (("--strategy", "universal", "--layers", "6", "--unique-layers", "1"), "drop it"),
        (("--strategy", "cycle"), "give --strategy and --layers"),
        (
            ("--arch", "transformer_lm"),
            "--arch transformer_lm: choose from one_wide_ffn_wmt_en_de, shared_transformer, ",
        ),
        ((*LM, "--layers", "4"), "--decoder-layers 4 --decoder-unique-layers 6: "),
        ((*LM, "--separate-embeddings"), "_lm_gpt is a language model, whose preset says"),
        ((*LM, "--embed-dim", "100"), "--embed-dim 100 must be a multiple of --heads 12"),
        (("--layer-map", "0,2"), "entry 2 at layer 1"),
        (("--layer-map", "0,1", "--layers", "3"), "2 entries for 3 layers"),
        (("--layer-map", "0,1", "--strategy", "cycle"), "drop the others"),
        ((*BASE, "--ffn-map", "0,0"), "maps of sublayers say what is shared; drop"),
        (("--ffn-map", "0,0", "--cross-attention-map", "0,0,1"), "2 entries for 3 layers"),
        ((*BASE, "--own-rank", "513"), "--own-rank 513: must be at most 512"),
        ((*BASE, "--no-decoder-ffn", "--ffn-across-sides"), "contradict; drop one of them"),
        ((*BASE, "--share-sublayers", "fnn"), "unknown sublayer 'fnn'; give one or several"),
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
