"""Language models through fairseq's commands and the tools on checkpoint files."""

import json

import pytest
import torch
from support import PLUGIN, run
from text_model import SHARED, TASK, TINY, perplexity, train_once
from toy import Toy
from training import UNTHREADED

from fairseq_sharing import SharedLanguageModel
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Toy:
    """Cycle (rev), N=4, M=2."""
    return train_once(tmp_path_factory.getbasetemp() / "text model")


@pytest.fixture(scope="module")
def expected(model):
    """What fairseq-eval-lm says of the model."""
    return perplexity(model, model.last)


def test_inspect_knows_its_one_side(model, capsys):
    assert main(["checkpoint", "inspect", str(model.last), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["sides"] == {
        "decoder": {
            "layer_map": [0, 1, 1, 0],
            "layers": 4,
            "unique_layers": 2,
            "running_layers": 4,
        }
    }
    assert facts["parameters"] < facts["parameters_unshared"]


def test_unrolled_it_has_the_same_perplexity_without_the_plugin(model, expected, tmp_path):
    plain = tmp_path / "plain.pt"
    assert main(["checkpoint", "unroll", str(model.last), "--output", str(plain)]) == 0
    assert Checkpoint.read(plain).arch == "transformer_lm"
    assert perplexity(model, plain, plugin=False) == expected


@pytest.mark.parametrize("tool", ["strip", "average"])
def test_what_a_tool_makes_has_the_same_perplexity(model, expected, tmp_path, tool):
    made = tmp_path / "made.pt"
    assert main(["checkpoint", tool, str(model.last), "--output", str(made)]) == 0
    assert perplexity(model, made) == expected


def test_sharing_what_was_unrolled_gives_it_back(model, tmp_path, capsys):
    plain, shared = tmp_path / "plain.pt", tmp_path / "shared.pt"
    main(["checkpoint", "unroll", str(model.last), "--output", str(plain)])
    options = ["--sharing-strategy", "cycle_rev", "--decoder-unique-layers", "2"]
    assert main(["checkpoint", "share", str(plain), *options, "--output", str(shared)]) == 0
    before, after = (Checkpoint.read(path).state for path in (model.last, shared))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    encoder = [*options, "--encoder-unique-layers", "2", "--output", str(tmp_path / "no.pt")]
    assert main(["checkpoint", "share", str(plain), *encoder]) == 2
    assert "is of a language model, it has no encoder" in capsys.readouterr().err
    assert not (tmp_path / "no.pt").exists()


def test_the_authors_released_none(model, tmp_path, capsys):
    output = str(tmp_path / "no.pt")
    assert main(["checkpoint", "from-authors", str(model.last), "--output", output]) == 2
    assert "of which the authors released none" in capsys.readouterr().err


def test_options_of_a_file_are_not_run(model, tmp_path, capsys):
    content = torch.load(model.last, weights_only=True)
    content["cfg"]["model"].adaptive_softmax_cutoff = f"open('{tmp_path}/ran', 'w')"
    torch.save(content, tmp_path / "bad.pt")
    assert main(["checkpoint", "inspect", str(tmp_path / "bad.pt")]) == 2
    assert "give numbers alone" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_it_scores_and_continues_text(model):
    loaded = SharedLanguageModel.from_pretrained(
        str(model.last.parent), model.last.name, str(model.data)
    )
    prefix = " ".join(model.pieces("the red"))
    assert len(loaded.score(prefix)["positional_scores"]) == len(prefix.split())
    assert loaded.sample(prefix, beam=2, max_len_b=20).startswith(prefix)


def test_beam_search_of_fairseq_interactive_is_that_of_the_unrolled_model(model, tmp_path):
    plain = tmp_path / "plain.pt"
    torch.save(unroll(Checkpoint.read(model.last)), plain)
    command = ("fairseq-interactive", model.data, "--user-dir", PLUGIN, *TASK, "--cpu")
    search = ("--beam", 3, "--max-len-b", 15)
    found = [
        [
            line
            for line in run(*command, *search, "--path", path, input="▁ t\n").stdout.splitlines()
            if line.startswith("H-")
        ]
        for path in (model.last, plain)
    ]
    assert len(found[0]) == 1
    assert found[0][0].split("\t")[2] == found[1][0].split("\t")[2]


def test_fairseq_generate_continues_every_line(model):
    printed = run(
        *("fairseq-generate", model.data, "--user-dir", PLUGIN, *TASK, "--path", model.last),
        *("--sample-break-mode", "eos", "--prefix-size", 3, "--beam", 2, "--max-len-b", 30),
        *("--required-batch-size-multiple", 1, "--cpu", "--num-workers", 0),
    ).stdout
    assert sum(line.startswith("H-") for line in printed.splitlines()) == 40


def test_a_yaml_config_trains_the_same_model(model, tmp_path):
    (tmp_path / "shared.yaml").write_text(
        f"""# @package _global_
common: {{user_dir: {PLUGIN}, cpu: true, no_progress_bar: true}}
task: {{_name: language_modeling, data: "{model.data}", tokens_per_sample: 48}}
criterion: {{_name: cross_entropy}}
dataset: {{batch_size: 8, required_batch_size_multiple: 1, num_workers: 0, data_buffer_size: 0}}
optimization: {{max_update: 60, lr: [0.01]}}
optimizer: {{_name: adam}}
lr_scheduler: {{_name: fixed}}
checkpoint: {{save_dir: "{tmp_path / "yaml"}", no_epoch_checkpoints: true}}
model:
  _name: shared_transformer_lm_tiny
  decoder_layers: 4
  dropout: 0
  sharing_strategy: cycle_rev
  decoder_unique_layers: 2
"""
    )
    config = ("--config-dir", tmp_path, "--config-name", "shared")
    run("fairseq-hydra-train", *config, cwd=tmp_path)
    trained = Checkpoint.read(tmp_path / "yaml" / "checkpoint_last.pt")
    flags = Checkpoint.read(model.last).state
    assert trained.state.keys() == flags.keys()
    assert all(torch.equal(trained.state[name], flags[name]) for name in flags)
    assert perplexity(model, trained.path) == perplexity(model, model.last)


BAD_OPTIONS = {
    "an encoder": (("--encoder-layers", 4), "--encoder-layers: a language model has no encoder"),
    "another task": (("--task", "translation"), "give --task language_modeling"),
    "a translation model": (
        ("--arch", "shared_transformer_tiny"),
        "--task language_modeling with a translation model",
    ),
}


@pytest.mark.parametrize("mistake", BAD_OPTIONS)
def test_options_that_do_not_go_together_are_one_line(model, copy_task, tmp_path, mistake):
    options, message = BAD_OPTIONS[mistake]
    data = copy_task / "bin" if "translation" in options else model.data
    task = () if "translation" in options else TASK
    arch = () if "--arch" in options else (*TINY, *SHARED)
    refused = run(
        *("fairseq-train", data, "--user-dir", PLUGIN, *task, *arch, *options, "--cpu"),
        *("--optimizer", "adam", "--lr", 0.01, "--batch-size", 8, "--max-update", 1),
        *("--save-dir", tmp_path / "none", *UNTHREADED),
        check=False,
    )
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    assert message in refused.stdout.splitlines()[-1]


def test_a_dictionary_of_another_text_is_refused(model, tmp_path):
    (tmp_path / "text").write_text("a b c\n" * 20)
    run(
        *("fairseq-preprocess", "--only-source", "--testpref", tmp_path / "text"),
        *("--trainpref", tmp_path / "text", "--destdir", tmp_path / "bin"),
    )
    refused = run(
        *("fairseq-eval-lm", tmp_path / "bin", "--user-dir", PLUGIN, "--path", model.last),
        *(*TASK, "--cpu"),
        check=False,
    )
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    assert "does not fit the model" in refused.stdout.splitlines()[-1]
