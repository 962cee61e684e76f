"""fairseq's trainer in every precision: models learn, stay tied, and Admin measures the same."""

import pytest
import torch
from training import ADMIN, SHARED, arguments

from fairseq_sharing import tied_groups
from fairseq_sharing.training.speed import Contender

MODELS = {"shared": SHARED, "admin": ADMIN, "grown": (*SHARED, "--grow-depth-at", "10,20")}
PRECISIONS = {
    "float32": (),
    "fp16": ("--fp16",),
    "fp16, not flat": ("--fp16", "--fp16-no-flatten-grads"),
    "memory-efficient fp16": ("--memory-efficient-fp16",),
    "bf16": ("--bf16",),
    "memory-efficient bf16": ("--memory-efficient-bf16",),
}
NOT_ON_A_CPU = ("fp16",)
STARTS = ("float32", "fp16", "bf16")
UPDATES = 30


def contender(data, folder, *options: object, device: str) -> Contender:
    """A tiny model with fairseq's trainer; the same weights for all devices."""
    torch.manual_seed(1)
    command = arguments(data, folder, "--batch-size", 64, *options, device=device)
    return Contender([str(argument) for argument in command], phases=[0])


def skip_unless_possible(precision: str, device: str) -> None:
    if device == "cpu" and precision in NOT_ON_A_CPU:
        pytest.skip("fairseq itself cannot train so on a CPU")


def losses(one: Contender) -> list[float]:
    """Of one update after another, each on a batch of its own."""
    one.trainer.begin_epoch(1)
    return [one.trainer.train_step([batch])["loss"] for batch in one.batches(UPDATES)]


def kept(one: Contender) -> list:
    """The Parameter objects of the model by their names, and which are tied."""
    model = one.trainer.get_model()
    named = model.named_parameters(remove_duplicate=False)
    return [{name: id(parameter) for name, parameter in named}, tied_groups(model)]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_learns_and_stays_tied(copy_task, tmp_path, device, model, precision):
    skip_unless_possible(precision, device)
    one = contender(copy_task, tmp_path, *MODELS[model], *PRECISIONS[precision], device=device)
    before = kept(one)
    seen = losses(one)
    assert sum(seen[-5:]) < 0.95 * sum(seen[:5])
    assert kept(one) == before
    assert len(before[1]) > 20


def test_fused_adam_learns_what_adam_learns(copy_task, tmp_path, device):
    fused, plain = (
        losses(
            contender(
                *(copy_task, tmp_path, *SHARED, "--optimizer", optimizer),
                *("--adam-betas", "(0.9, 0.98)", "--weight-decay", 0.0),
                device=device,
            )
        )
        for optimizer in ("fused_adam", "adam")
    )
    assert fused == pytest.approx(plain, rel=1e-3)


def test_fused_adam_learns_in_bf16(copy_task, tmp_path, device):
    skip_unless_possible("bf16", device)
    options = (*ADMIN, "--optimizer", "fused_adam", "--adam-betas", "(0.9, 0.98)", "--bf16")
    seen = losses(contender(copy_task, tmp_path, *options, device=device))
    assert sum(seen[-5:]) < 0.95 * sum(seen[:5])


def starts(one: Contender) -> list[float]:
    """Admin's, after one update."""
    one.trainer.begin_epoch(1)
    one.trainer.train_step(one.batches(1))
    profile = one.trainer.get_model().residual_profile
    return [norm.residual_start for norms in profile.norms.values() for norm in norms]


@pytest.mark.parametrize("precision", STARTS)
def test_admin_starts_from_what_the_cpu_measures(copy_task, tmp_path, device, precision):
    skip_unless_possible(precision, device)
    expected = starts(contender(copy_task, tmp_path, *ADMIN, device="cpu"))
    options = (*ADMIN, *PRECISIONS[precision])
    measured = starts(contender(copy_task, tmp_path, *options, device=device))
    assert measured == pytest.approx(expected, rel=1e-3)
