"""Systems with sides of their own, maps or growth: what is trained, and what is refused."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import both_sides

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import read_run, runs_of, save_run
from fairseq_sharing.experiment.system import System
from fairseq_sharing.model.cost import Sizes, multiply_adds
from fairseq_sharing.model.growth import parse_schedule
from fairseq_sharing.report.plan import estimates
from fairseq_sharing.training.command import training_command

OWN = 'strategy = "cycle_rev"\nlayers = 4\nunique_layers = 2'
"""What the second system of the tiny experiment, of 12 updates, says of its layers."""

SYSTEMS = {
    "grows once": (
        f"{OWN}\ngrow_depth_at = [8]",
        "--sharing-strategy cycle_rev --encoder-layers 4 --encoder-unique-layers 2 "
        "--decoder-layers 4 --decoder-unique-layers 2 --grow-depth-at 8",
    ),
    "grows in parts of max-update": (
        f"{OWN}\ngrow_depth_at = [0.25, 0.5]",
        "--sharing-strategy cycle_rev --encoder-layers 4 --encoder-unique-layers 2 "
        "--decoder-layers 4 --decoder-unique-layers 2 --grow-depth-at 3,6",
    ),
    "an explicit map": (
        'layer_map = "0,0,0,1,1,2"',
        "--encoder-layers 6 --encoder-layer-map 0,0,0,1,1,2 "
        "--decoder-layers 6 --decoder-layer-map 0,0,0,1,1,2",
    ),
    "a deep encoder alone": (
        'strategy = "none"\nlayers = 2\ngrow_depth_at = [0.5]\n'
        'encoder = { strategy = "sequence", layers = 4, unique_layers = 2 }',
        "--grow-depth-at 6 --encoder-layers 4 --encoder-layer-map 0,0,1,1 "
        "--decoder-layers 2 --decoder-layer-map 0,1",
    ),
    "each side with its own": (
        'encoder = { strategy = "cycle", layers = 4, unique_layers = 2 }\n'
        'decoder = { layer_map = "0,1,0" }',
        "--encoder-layers 4 --encoder-layer-map 0,1,0,1 "
        "--decoder-layers 3 --decoder-layer-map 0,1,0",
    ),
    "feed-forwards alone": (
        f'{OWN}\nshare_sublayers = "ffn"',
        "--sharing-strategy cycle_rev --share-sublayers ffn --encoder-layers 4 "
        "--encoder-unique-layers 2 --decoder-layers 4 --decoder-unique-layers 2",
    ),
    "attention alone, each side with its own": (
        'share_sublayers = "attention"\ndecoder = { layer_map = "0,0,1" }\n'
        'encoder = { strategy = "cycle", layers = 4, unique_layers = 2 }',
        "--encoder-layers 4 --encoder-self-attention-map 0,1,0,1 --encoder-ffn-map 0,1,2,3 "
        "--decoder-layers 3 --decoder-self-attention-map 0,0,1 --decoder-ffn-map 0,1,2 "
        "--decoder-cross-attention-map 0,0,1",
    ),
    "sublayers in full": (
        'encoder = { ffn_map = "0,0,0" }\ndecoder = { strategy = "none", layers = 2 }',
        "--encoder-layers 3 --encoder-self-attention-map 0,1,2 --encoder-ffn-map 0,0,0 "
        "--decoder-layers 2 --decoder-layer-map 0,1",
    ),
    "the encoder's feed-forwards": (
        'encoder = { ffn_map = "0,0,0" }\ndecoder = { encoder_ffn_map = "0,0" }',
        "--encoder-layers 3 --encoder-self-attention-map 0,1,2 --encoder-ffn-map 0,0,0 "
        "--decoder-layers 2 --decoder-self-attention-map 0,1 --decoder-cross-attention-map 0,1 "
        "--decoder-encoder-ffn-map 0,0",
    ),
    "one wide feed-forward": (
        'strategy = "universal"\nlayers = 3\nshare_sublayers = "ffn"\n'
        "options = { no-decoder-ffn = true, encoder-ffn-embed-dim = 192 }",
        "--sharing-strategy universal --share-sublayers ffn --encoder-layers 3 --decoder-layers 3",
    ),
    "norms and deltas of each layer": (
        f'{OWN}\nown = "norms,biases"\nown_rank = 4',
        "--sharing-strategy cycle_rev --encoder-layers 4 --encoder-unique-layers 2 "
        "--decoder-layers 4 --decoder-unique-layers 2 --own norms,biases --own-rank 4",
    ),
    "one strategy, unlike depths": (
        'encoder = { strategy = "cycle", layers = 4, unique_layers = 2 }\n'
        'decoder = { strategy = "cycle", layers = 3, unique_layers = 3 }',
        "--sharing-strategy cycle --encoder-layers 4 --encoder-unique-layers 2 "
        "--decoder-layers 3 --decoder-unique-layers 3",
    ),
}


@pytest.fixture(params=SYSTEMS)
def case(request, tiny_file, tmp_path):
    """The run of a system, and the options that ask for its layers."""
    said, flags = SYSTEMS[request.param]
    tiny_file.write_text(tiny_file.read_text().replace(OWN, said, 1))
    return runs_of(load(tiny_file), tmp_path / "runs")[1], flags


def test_the_training_command_asks_for_its_layers(case):
    run, flags = case
    words = training_command(run, run.folder, Devices("cpu"))
    names = r"--(own|sharing-strategy|share-sublayers|grow-depth|\w+-(unique-)?layers|[\w-]+-map)"
    found = {(one, two) for one, two in pairwise(words) if re.match(names, one)}
    expected = flags.split()
    assert found == set(zip(expected[::2], expected[1::2], strict=True))


def test_a_record_of_the_run_is_read_back(case):
    run, _ = case
    save_run(run)
    again = read_run(run.folder)
    assert again.system == run.system
    assert again.training.settings == run.training.settings
    assert again.schedule == run.schedule


def test_its_plan_is_that_of_its_maps(case, tiny_file):
    run, _ = case
    estimate = estimates(load(tiny_file), run.folder.parent, Devices("cpu"))[1]
    layers = [len(layers) for layers in run.system.maps().values()]
    unique = [one.short_counts for one in run.system.maps().values()]
    assert estimate.layers == "+".join(dict.fromkeys(map(str, layers)))
    assert estimate.unique_layers == "+".join(dict.fromkeys(map(str, unique)))


def test_a_plan_counts_the_multiply_adds_of_each_depth(tiny_file, tmp_path):
    """Of 12 updates 3 at depth 2, 3 at depth 3 and 6 at depth 4."""
    said, _ = SYSTEMS["grows in parts of max-update"]
    text = tiny_file.read_text()
    tiny_file.write_text(text.replace(OWN, said, 1))
    estimate = estimates(load(tiny_file), tmp_path, Devices("cpu"))[1]
    sizes, tokens = Sizes(16, 32, 2, 40), 12 * 600
    depths = ((0, 1), (0, 1, 1), (0, 1, 1, 0))
    by_depth = [multiply_adds(sizes, both_sides(layers), 25) for layers in depths]
    mean = (3 * by_depth[0] + 3 * by_depth[1] + 6 * by_depth[2]) / 12
    assert estimate.tokens == tokens
    assert estimate.flops == pytest.approx(6 * mean * tokens)
    tiny_file.write_text(text)
    full = estimates(load(tiny_file), tmp_path, Devices("cpu"))[1]
    assert full.flops == pytest.approx(6 * by_depth[2] * tokens)
    assert full.parameters == estimate.parameters


@given(st.lists(st.integers(1, 98), unique=True, min_size=1, max_size=4).map(sorted))
def test_parts_and_numbers_of_updates_say_the_same(percent):
    as_numbers = System("x", grow_depth_at=tuple(10 * part for part in percent))
    as_parts = System("x", grow_depth_at=tuple(part / 100 for part in percent))
    assert as_parts.schedule(1000) == as_numbers.schedule(1000)
    assert parse_schedule(str(as_parts.schedule(1000))) == as_parts.schedule(1000)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (f"{OWN}\ngrow_depth_at = 8", "grow_depth_at = 8 must be a list of numbers"),
        (f'{OWN}\ngrow_depth_at = ["8"]', "must hold numbers of updates, or parts of"),
        (f"{OWN}\ngrow_depth_at = [true]", "must hold numbers of updates"),
        (f"{OWN}\ngrow_depth_at = [8, 4]", "must increase and lie between 0 and max-update = 12"),
        (f"{OWN}\ngrow_depth_at = [4, 4]", "must increase and lie between 0 and max-update"),
        (f"{OWN}\ngrow_depth_at = [0]", "must increase and lie between 0"),
        (f"{OWN}\ngrow_depth_at = [-0.5]", "parts of max-update between 0.0 and 1.0"),
        (f"{OWN}\ngrow_depth_at = [12]", "between 0 and max-update = 12"),
        (f"{OWN}\ngrow_depth_at = [1.0]", "parts of max-update between 0.0 and 1.0"),
        (f"{OWN}\ngrow_depth_at = [0.01]", "must increase and lie between 0"),
        (f"{OWN}\ngrow_depth_at = [nan]", "parts of max-update between 0.0 and 1.0"),
        (f"{OWN}\ngrow_depth_at = [inf]", "parts of max-update between 0.0 and 1.0"),
        (f'{OWN}\nlayer_map = "0,1"', "cycle rev: layer_map = '0,1' takes the place of strategy"),
        ('layer_map = "0,1,0"\nlayers = 3', "layer_map says how many layers there are"),
        ('layer_map = "0,2"', "system cycle rev: layer map 0,2: entry 2"),
        ("layers = 4", "system cycle rev: needs strategy and layers, or layer_map"),
        (f"{OWN}\nencoder = 4", "encoder = 4 must be a table"),
        (f"{OWN}\nencoder = {{ layer = 4 }}", "encoder: unknown key 'layer'; choose from strat"),
        (f"{OWN}\nencoder = {{ layers = 4 }}", "system cycle rev: encoder: needs strategy and lay"),
        (
            f'{OWN}\ndecoder = {{ layer_map = "0", strategy = "none" }}',
            "system cycle rev: decoder: layer_map = '0' takes the place",
        ),
        (
            f'{OWN}\noptions = {{ grow-depth-at = "8" }}',
            r"the option 'grow-depth-at' is a key of \[\[systems\]\]",
        ),
        (f'{OWN}\noptions = {{ encoder-layer-map = "0,1" }}', "'encoder-layer-map' is a key of"),
        (f'{OWN}\noptions = {{ decoder-ffn-map = "0,1" }}', "'decoder-ffn-map' is a key of"),
        (f'{OWN}\nshare_sublayers = "fnn"', "system cycle rev: .*unknown sublayer 'fnn'"),
        (
            f'{OWN}\nencoder = {{ layer_map = "0,0", ffn_map = "0,0" }}',
            "encoder: layer_map = '0,0' is of all sublayers: leave it out",
        ),
        (
            f'{OWN}\nencoder = {{ ffn_map = "0,0", self_attention_map = "0,0,0" }}',
            "encoder: maps of 2 and 3 layers",
        ),
        (
            f'{OWN}\nencoder = {{ cross_attention_map = "0,0" }}',
            "encoder: cross_attention_map = '0,0': share_sublayers is given, too, or this side",
        ),
    ],
)
def test_mistakes_are_one_line(tiny_file, said, message):
    tiny_file.write_text(tiny_file.read_text().replace(OWN, said, 1))
    with pytest.raises(SharingError, match=f"^{re.escape(str(tiny_file))}.*({message})") as error:
        load(tiny_file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('strategy = "none"\nlayers = 4\ngrow_depth_at = [6]', "every layer has parameters of its"),
        (f"{OWN}\ngrow_depth_at = [3, 6, 9]", "3 steps, but the deepest side has 2 layers to add"),
        (
            f'{OWN}\ngrow_depth_at = [6]\noptions = {{ residual-scaling = "admin" }}',
            "cannot go with --residual-scaling admin",
        ),
    ],
)
def test_what_the_model_refuses_a_plan_refuses(tiny_file, tmp_path, said, message):
    text = tiny_file.read_text().replace("-normalize-before = true", "-normalize-before = false")
    tiny_file.write_text(text.replace(OWN, said, 1))
    with pytest.raises(SharingError, match=f"--grow-depth-at .*{message}"):
        estimates(load(tiny_file), tmp_path, Devices("cpu"))
