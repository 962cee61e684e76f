"""Plans: parameters are the paper's, commands are those that the stages run, mistakes show."""

import re
from pathlib import Path

import pytest
from rich.console import Console
from support import both_sides

from fairseq_sharing import SharingError
from fairseq_sharing.cli import main
from fairseq_sharing.cli.plan import TFLOPS, _scaled, estimate_table
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.experiment.file import load
from fairseq_sharing.model.cost import Sizes, multiply_adds
from fairseq_sharing.model.strategies import layer_map
from fairseq_sharing.report.paper import TABLES
from fairseq_sharing.report.plan import commands, dictionary_of, estimates
from fairseq_sharing.report.text import print_whole

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
BASE, ADMIN = 60_915_712, 5 * 512


@pytest.fixture(scope="module")
def wmt16():
    experiment = load(EXPERIMENTS / "wmt16_en_de")
    return experiment, estimates(experiment, Path("runs"), Devices("gpu", 8))


def test_every_row_of_the_papers_table_has_its_parameters(wmt16):
    experiment, of_systems = wmt16
    rows = {
        system.paper: estimate
        for system, estimate in zip(experiment.systems, of_systems, strict=True)
    }
    assert set(rows) == set(TABLES["translation"].rows)
    for name, estimate in rows.items():
        unique, depth = re.search(r"(\d+)/(\d+)$", name).groups()
        assert (estimate.unique_layers, estimate.layers) == (unique, depth), name
    assert {name: estimate.parameters for name, estimate in rows.items()} == {
        "Vanilla 6/6": BASE,
        "Admin 6/6": BASE + 6 * ADMIN,
        "Universal 1/6": 62_947_328,
        "Vanilla (big) 6/6": 209_911_808,
        **{f"{name} 6/12": BASE + 12 * ADMIN for name in ("Sequence", "Cycle", "Cycle (rev)")},
        **{f"{name} 6/18": BASE + 18 * ADMIN for name in ("Sequence", "Cycle", "Cycle (rev)")},
    }


def test_the_page_shows_the_table_as_it_is_on_any_terminal(wmt16):
    console = Console(record=True, width=40)
    print_whole(estimate_table("wmt16_en_de", wmt16[1], TFLOPS["gpu"]), console)
    page = (EXPERIMENTS.parent / "docs" / "wmt.md").read_text()
    for line in console.export_text().splitlines():
        assert line.strip() in page


def test_the_papers_language_models_have_its_parameters():
    experiment = load(EXPERIMENTS / "wikitext103")
    of_systems = estimates(experiment, Path("runs"), Devices("gpu", 8))
    rows = dict(zip([s.paper for s in experiment.systems], of_systems, strict=True))
    assert set(rows) == set(TABLES["language_model"].rows)
    for name, estimate in rows.items():
        assert name.endswith(f" {estimate.unique_layers}/{estimate.layers}")
        assert estimate.parameters == (119_804_160 if "Universal" in name else 120_971_264)
    assert {estimate.tokens for estimate in of_systems} == {50_000 * 73_728}


def test_estimates_follow_from_the_recipe(wmt16):
    vanilla, deep = wmt16[1][0], wmt16[1][-1]
    assert {estimate.updates for estimate in wmt16[1]} == {50_000}
    assert {estimate.trainings for estimate in wmt16[1]} == {3}
    assert {estimate.tokens for estimate in wmt16[1]} == {50_000 * 458_752}
    flat, stacked = layer_map("none", 6), layer_map("cycle_rev", 18, 6)
    for estimate, layers in ((vanilla, flat), (deep, stacked)):
        assert (
            estimate.flops == 6 * multiply_adds(Sizes(), both_sides(layers), 25) * estimate.tokens
        )
    # The last, the best, one of an interval and ten epochs, each with two moments; an average.
    assert vanilla.checkpoint_bytes == 4 * BASE * (3 * 13 + 1)


def test_parameters_are_those_of_the_prepared_dictionary(tiny, tmp_path):
    before = estimates(tiny, tmp_path, Devices("cpu"))[0].parameters
    assert dictionary_of(tiny, tmp_path) is None
    (tmp_path / "data-bin").mkdir()
    (tmp_path / "data-bin" / "dict.en.txt").write_text("word 1\n" * 44)
    assert dictionary_of(tiny, tmp_path) == 48
    after = estimates(tiny, tmp_path, Devices("cpu"))[0].parameters
    assert after - before == (48 - 40) * 16


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXPERIMENTS.glob("*.toml"))])
def test_every_experiment_can_be_planned(name, capsys):
    experiment = load(EXPERIMENTS / name)
    assert main(["plan", str(EXPERIMENTS / name), "--systems", experiment.baseline]) == 0
    printed = capsys.readouterr().out
    stages = re.findall(r"^fairseq-sharing (\w+)", printed, re.MULTILINE)
    assert stages == ["prepare", "train", "evaluate", "report"]
    assert f"/{name}/{experiment.baseline}/checkpoints" in printed
    runs = len(experiment.seeds)
    tools = re.findall(r"/(fairseq-[\w-]+)'? ", printed)  # a path with a space is quoted
    assert tools.count("fairseq-preprocess") == 1
    assert tools.count("fairseq-train") == runs
    scoring = {"translation": "fairseq-generate", "language_model": "fairseq-eval-lm"}
    assert tools.count(scoring[experiment.kind]) == runs * len(experiment.test_sets)


def test_commands_hold_the_batch_and_each_test_sets_options(wmt16):
    experiment = wmt16[0].select(["cycle_rev_18"], [2])
    of_stages = list(commands(experiment, Path("/runs/x"), Devices("gpu", 8)))
    (training,) = [command for stage, _, command in of_stages if stage == "train"]
    assert training[training.index("--nproc-per-node") + 1] == "8"
    assert training[training.index("--update-freq") + 1] == "16"
    assert training[training.index("--keep-last-epochs") + 1] == "10"
    assert "--no-epoch-checkpoints" not in training
    decodings = {purpose: command for stage, purpose, command in of_stages if stage == "evaluate"}
    penalties = [command[command.index("--lenpen") + 1] for command in decodings.values()]
    assert penalties == ["1.0", "1.0", "1.0", "1.0", "0.6", "1.0", "1.0"]
    averaged = "/runs/x/cycle_rev_18-seed2/checkpoints/averaged-10.pt"
    assert {command[command.index("--path") + 1] for command in decodings.values()} == {averaged}
    assert "--cpu" not in decodings["cycle_rev_18-seed2, newstest2014"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("lr = 5e-3", "lrr = 5e-3", "vanilla: fairseq-train has no option 'lrr'"),
        ("lr = 5e-3", 'lr = 5e-3\ncriterion = "guess"', "vanilla: .*--criterion: .*'guess'"),
        ("max-tokens = 600", "max-tokens = 60.5", "--max-tokens: invalid int value: '60.5'"),
        ("beam = 2", "beams = 2", "test: fairseq-generate has no option 'beams'"),
        ("beam = 2", 'gen-subset = "valid"', "'gen-subset' is set by the pipeline"),
        ("share-all-embeddings = true", "seed = 3", "'seed' is set by the pipeline"),
        ('corpus = "libreoffice"', 'corpus = "books"', "corpus = 'books': choose from"),
        ('"libreoffice"', '"mtdata"\nsets = ["books"]', "'books'"),
        ('"de"\n[data]', '"tlh"\n[data]\nidentify_languages = true', "does not know 'tlh'"),
        ("valid_segments = 20", 'valid_set = "wmt:14"', "'wmt:14' must be sacrebleu:NAME or"),
        ("valid_segments = 20", 'valid_set = "sacrebleu:wmt1"', "no test set 'wmt1'"),
        ("unique_layers = 2", 'unique_layers = 2\npaper = "Cycle 2/4"', "'Cycle 2/4': Table 1 has"),
        ("[train]", 'sets = ["ads"]\n[train]', "sets has 'ads': choose from help, ui"),
    ],
)
def test_mistakes_show_before_any_work(tiny_file, before, after, message):
    assert before in tiny_file.read_text()
    tiny_file.write_text(tiny_file.read_text().replace(before, after, 1))
    with pytest.raises(SharingError, match=message):
        estimates(load(tiny_file), tiny_file.parent / "runs", Devices("cpu"))
    assert not (tiny_file.parent / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none_such"], "cannot read experiment .*; that folder has .*demo.*wmt16_en_de"),
        ([""], r"cannot read experiment .*experiments\.toml.*; that folder has .*demo"),
        (["wmt16_en_de", "--systems", "cycel"], "--systems cycel: wmt16_en_de has vanilla, admin"),
        (["wmt16_en_de", "--devices", "3"], "3 devices .* cannot give the batch"),
        (["wmt16_en_de", "--tflops", "inf"], "--tflops inf: must be a number greater than 0"),
        (["wmt16_en_de", "--tflops", "0"], "--tflops 0.0: must be a number greater than 0"),
    ],
)
def test_wrong_arguments_end_with_one_line(arguments, message, capsys):
    name, *others = arguments
    assert main(["plan", str(EXPERIMENTS / name), *others]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(f"^fairseq-sharing: error: .*{message}.*\n$", captured.err)


@pytest.mark.parametrize(
    ("number", "text"), [(999, "999"), (999_600, "1.00 M"), (22_900_000_000, "22.9 G")]
)
def test_large_numbers_have_three_digits(number, text):
    assert _scaled(number) == text
