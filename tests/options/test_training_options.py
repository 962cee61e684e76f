"""fairseq's options of training, through its own commands, for a shared Admin model."""

import pytest
import torch
from training import (
    ADMIN,
    SHARED,
    TINY,
    largest_difference,
    measured,
    saved,
    train,
    train_by_hydra,
)
from verdicts import WORKS, verdict

from fairseq_sharing import SharedTransformerModel

pytestmark = pytest.mark.slow

FROM = {
    "--finetune-from-model": ("--finetune-from-model",),
    "--restore-file with --reset-optimizer": (
        *("--reset-optimizer", "--reset-dataloader", "--reset-meters", "--reset-lr-scheduler"),
        "--restore-file",
    ),
}
HALF = {
    "--fp16 --fp16-no-flatten-grads": ("--fp16", "--fp16-no-flatten-grads"),
    "--memory-efficient-fp16": ("--memory-efficient-fp16",),
    "--bf16": ("--bf16",),
    "--memory-efficient-bf16": ("--memory-efficient-bf16",),
}
PRE_NORM = (*SHARED, "--encoder-normalize-before", "--decoder-normalize-before")
NEEDS_A_GPU = ["--fp16"]


@pytest.fixture(scope="module")
def trained(copy_task, tmp_path_factory):
    """The folder of a shared Admin model after 4 updates, each of them saved."""
    folder = tmp_path_factory.mktemp("trained")
    train(copy_task, folder, *ADMIN)
    return folder


@pytest.mark.parametrize("option", verdict(WORKS, FROM))
def test_a_model_that_was_measured_never_is_again(copy_task, trained, tmp_path, option):
    path = trained / "checkpoint_last.pt"
    no_change = ("--lr", 1e-30, "--seed", 9)
    train(copy_task, tmp_path, *ADMIN, *no_change, *FROM[option], path, updates=1)
    assert saved(tmp_path)["extra_state"]["train_iterator"]["iterations_in_epoch"] == 1
    assert largest_difference(saved(tmp_path), saved(trained)) == 0


@pytest.mark.parametrize("option", verdict(WORKS, ["--update-freq"]))
def test_two_small_batches_are_one_large_one(copy_task, trained, tmp_path, option):
    start = ("--finetune-from-model", trained / "checkpoint_last.pt")
    train(copy_task, tmp_path / "one", *ADMIN, *start)
    train(copy_task, tmp_path / "two", *ADMIN, *start, "--batch-size", 8, option, 2)
    one, two = saved(tmp_path / "one"), saved(tmp_path / "two")
    assert largest_difference(one, two) < 1e-5
    assert measured(one) == pytest.approx(measured(two), rel=1e-5)


def test_the_first_small_batch_measures(copy_task, tmp_path):
    train(copy_task, tmp_path / "one", *ADMIN, "--batch-size", 8, updates=1)
    train(copy_task, tmp_path / "two", *ADMIN, "--batch-size", 8, "--update-freq", 2, updates=1)
    one, two = saved(tmp_path / "one")["model"], saved(tmp_path / "two")["model"]
    assert torch.equal(one["decoder.residual_start"], two["decoder.residual_start"])


@pytest.mark.parametrize("option", verdict(WORKS, ["--store-ema"]))
@pytest.mark.parametrize("model", [ADMIN, PRE_NORM], ids=["admin", "pre-norm"])
def test_the_average_is_that_of_the_weights(copy_task, tmp_path, model, option):
    train(copy_task, tmp_path, *model, option, "--ema-decay", 0.5, updates=3)
    checkpoints = [saved(tmp_path, update) for update in (1, 2, 3)]
    expected = checkpoints[0]["model"]
    for checkpoint in checkpoints[1:]:
        expected = {name: (expected[name] + v) / 2 for name, v in checkpoint["model"].items()}
    average = checkpoints[-1]["extra_state"]["ema"]
    assert list(average) == list(expected)
    for name, value in average.items():
        torch.testing.assert_close(value, expected[name], atol=1e-6, rtol=1e-6)
    loaded = SharedTransformerModel.from_pretrained(
        str(tmp_path), "checkpoint_last.pt", str(copy_task / "bin")
    ).models[0]
    loaded.load_state_dict(average)


@pytest.mark.parametrize("option", verdict(WORKS, HALF))
def test_half_precision_keeps_what_was_measured(copy_task, trained, tmp_path, option):
    printed = train(copy_task, tmp_path, *ADMIN, *HALF[option]).stdout
    assert ("loss_scale=128" in printed) == ("fp16" in option)
    half, full = saved(tmp_path), saved(trained)
    assert largest_difference(half, full) < 0.02
    rounding = 0.05 if "bf16" in option else 0.01  # bf16 has 8 bits, fp16 has 11
    assert measured(half) == pytest.approx(measured(full), rel=rounding)


@pytest.mark.parametrize("option", verdict("needs a GPU", NEEDS_A_GPU))
@pytest.mark.parametrize("arch", ["ours", "theirs"])
def test_on_a_cpu_fairseq_itself_fails(copy_task, tmp_path, option, arch):
    model = ADMIN if arch == "ours" else (*TINY, "--arch", "transformer_tiny")
    failed = train(copy_task, tmp_path, *model, option, updates=1, check=False)
    assert failed.returncode != 0
    assert "CUDA" in failed.stdout


@pytest.mark.parametrize("command", verdict(WORKS, ["fairseq-hydra-train with a YAML config"]))
def test_a_yaml_config_trains_the_same_model(copy_task, tmp_path, command):
    options = {"sharing_strategy": "cycle_rev", "residual_scaling": "admin"}
    train_by_hydra(copy_task, tmp_path / "yaml", **options)
    train(copy_task, tmp_path / "flags", *ADMIN)
    assert largest_difference(saved(tmp_path / "yaml"), saved(tmp_path / "flags")) == 0


def test_a_checkpoint_with_admin_and_a_model_without_are_refused(copy_task, trained, tmp_path):
    path = trained / "checkpoint_last.pt"
    refused = train(copy_task, tmp_path, *SHARED, "--finetune-from-model", path, check=False)
    assert refused.returncode != 0
    assert refused.stdout.splitlines()[-1].startswith("error: ")
    assert "trained with --residual-scaling admin" in refused.stdout.splitlines()[-1]
    assert "Traceback" not in refused.stdout
