"""Experiments: what the demo holds, what --quick changes, and mistakes in a file."""

import re
from pathlib import Path

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.commands.devices import Devices
from fairseq_sharing.experiment.experiment import to_flags
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import runs_of
from fairseq_sharing.report.plan import estimates

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.mark.parametrize(
    "name", ["demo", "strategies", "equal_parameters", "lm_small", "wikitext103"]
)
def test_systems_have_nearly_equal_parameter_counts(name):
    experiment = load(EXPERIMENTS / name)
    counts = [one.parameters for one in estimates(experiment, Path("runs"), Devices("cpu"))]
    assert len(counts) == len(experiment.systems) > 1
    assert max(counts) / min(counts) < 1.02


def test_quick_lays_its_table_over_the_rest(tiny_file):
    full, quick = load(tiny_file), load(tiny_file.with_suffix(""), quick=True)
    assert (full.name, quick.name) == ("tiny", "tiny-quick")
    assert (full.train["max-update"], quick.train["max-update"]) == (12, 4)
    assert full.train["lr"] == quick.train["lr"]


def test_quick_goes_before_the_options_of_a_system(tiny_file):
    options = "options = { max-update = 90, lr = 0.25 }\n"
    tiny_file.write_text(tiny_file.read_text().replace("[quick", options + "[quick", 1))
    full, quick = load(tiny_file), load(tiny_file, quick=True)
    assert full.systems[-1].options == {"max-update": 90, "lr": 0.25}
    assert quick.systems[-1].options == {"lr": 0.25}


def test_runs_have_a_folder_for_each_seed(tiny_file):
    tiny_file.write_text(tiny_file.read_text().replace("seeds = [1]", "seeds = [1, 2]"))
    names = [run.name for run in runs_of(load(tiny_file), Path("runs"))]
    assert names == ["vanilla", "vanilla-seed2", "cycle rev", "cycle rev-seed2"]


def test_an_experiment_can_extend_another(tiny_file):
    other = tiny_file.with_name("other.toml")
    other.write_text('extends = "tiny"\n[train]\nlr = 0.5\n')
    base, extended = load(tiny_file), load(other)
    assert (extended.name, extended.systems) == ("other", base.systems)
    assert extended.train == {**base.train, "lr": 0.5}
    other.write_text('extends = "none such"')
    with pytest.raises(SharingError, match=r"cannot read experiment .*none such\.toml"):
        load(other)
    for base in ("other", "", "/tiny", "a/tiny", "tiny/"):
        other.write_text(f'extends = "{base}"')
        with pytest.raises(SharingError, match="must be the bare name of another experiment"):
            load(other)


def test_flags():
    options = {"beam": 4, "adam-betas": "(0.9, 0.98)", "cpu": True, "fp16": False}
    assert to_flags(options) == ["--beam", "4", "--adam-betas", "(0.9, 0.98)", "--cpu"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("beam = 2", "beam = ", "is not a TOML file"),
        ('corpus = "libreoffice"', "", r"\[data\]: 'corpus' is missing"),
        ("max_words", "max_word", "unknown key 'max_word'; choose from corpus, max_words"),
        ("vocabulary = 40", 'vocabulary = "40"', "vocabulary = '40' must be a whole number"),
        ("layers = 4", "layers = true", "layers = True must be a whole number"),
        ("seeds = [1]", "", "'seeds' is missing"),
        ("seeds = [1]", "seeds = 1", "seeds = 1 must be a list"),
        ("seeds = [1]", "seeds = []", "seeds = .* at least one"),
        ("vocabulary = 40", "vocabulary = 0", "vocabulary = 0 must be at least 1"),
        ('"cycle_rev"', '"cycel"', "unknown .*strategy 'cycel'.*universal, sequence"),
        ("unique_layers = 2", "unique_layers = 5", "system cycle rev: .* got 5"),
        ("unique_layers = 2", "", "system cycle rev: .*needs a number of unique layers"),
        ('baseline = "vanilla"', 'baseline = "plain"', "'plain' is no system; .* vanilla, cycle"),
        ('name = "cycle rev"', 'name = "vanilla"', "same name"),
        ('name = "cycle rev"', 'name = "../up"', "name = '../up'"),
        ('name = "cycle rev"', 'name = "corpus"', "'corpus' is what other files are called"),
        ('name = "cycle rev"', 'name = "vanilla-seed2"', "'vanilla-seed2' is what other files"),
        ("seeds = [1]", "seeds = [1, 1]", r"seeds = \[1, 1\] must hold .* each once"),
        ('target = "de"', 'target = "en"', "source and target are both 'en'"),
        ('target = "de"', 'target = "../de"', "'../de' must be a code such as en"),
        ("max_words = 8", "max_words = 8\nmax_ratio = 0.5", "max_ratio = 0.5 must be at least 1"),
        ("[generate]", '[[test_sets]]\nname = "valid"\n[generate]', "'valid' is what other files"),
        ("max-update = 12", "", "max-update"),
        (
            "lr = 5e-3",
            "lr = 2026-01-01",
            r"top level: train: lr = datetime\.date\(.* must be a str",
        ),
        ("lr = 5e-3", "lr = inf", "top level: train: lr = inf must be a string, a finite number"),
        ("beam = 2", "beam.size = 2", r"generate: beam = \{'size': 2\} must be a string"),
        ("max-update = 12", 'max-update = "many"', "max-update"),
    ],
)
def test_mistakes_in_a_file_are_named(tiny_file, before, after, message):
    assert before in tiny_file.read_text()
    tiny_file.write_text(tiny_file.read_text().replace(before, after, 1))
    with pytest.raises(SharingError, match=f"^{re.escape(str(tiny_file))}.*{message}"):
        load(tiny_file)


def test_unknown_system_missing_file_and_no_quick_table(tiny_file, tmp_path):
    with pytest.raises(SharingError, match="--systems circle: tiny has vanilla, cycle rev"):
        load(tiny_file).select(["vanilla", "circle"])
    for path in (tmp_path / "none", Path(), Path("/")):
        with pytest.raises(SharingError, match=r"cannot read experiment .*\.toml: No such file"):
            load(path)
    tiny_file.write_text(tiny_file.read_text().split("[quick.train]")[0])
    with pytest.raises(SharingError, match=r"--quick: .* has no \[quick\] table"):
        load(tiny_file, quick=True)
