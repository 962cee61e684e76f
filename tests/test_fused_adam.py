"""torch's fused Adam behind fairseq's interface: the updates of fairseq's own."""

import pytest
import torch
from fairseq.optim.adam import Adam
from hypothesis import given, settings
from hypothesis import strategies as st
from training import SHARED, largest_difference, saved, train

from fairseq_sharing.fused_adam import FusedAdam

FUSED = (*SHARED, "--optimizer", "fused_adam", "--adam-betas", "(0.9, 0.98)")


@settings(deadline=None)
@given(
    eps=st.sampled_from([1e-8, 1e-3, 1.0]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    scales=st.lists(st.floats(1e-4, 10.0), min_size=1, max_size=8),
)
def test_updates_are_those_of_fairseqs_adam(eps, weight_decay, scales):
    options = {"lr": 1e-2, "betas": (0.9, 0.98), "eps": eps, "weight_decay": weight_decay}
    draw = torch.Generator().manual_seed(1)
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 20)) for _ in range(2))
    optimizers = FusedAdam([ours], **options), Adam([theirs], **options)
    for scale in scales:
        ours.grad = scale * torch.randn(20, generator=draw)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    assert optimizers[0].param_groups[0]["eps"] == eps


@pytest.fixture(scope="module")
def trained(copy_task, tmp_path_factory):
    """The folder of a model after 4 updates, each of them saved."""
    folder = tmp_path_factory.mktemp("fused")
    train(copy_task, folder, *FUSED)
    return folder


def test_training_is_that_with_fairseqs_adam(copy_task, trained, tmp_path):
    train(copy_task, tmp_path, *SHARED, "--adam-betas", "(0.9, 0.98)", "--weight-decay", 0.0)
    assert largest_difference(saved(tmp_path), saved(trained)) < 1e-5


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(copy_task, trained, tmp_path):
    train(copy_task, tmp_path, *FUSED, updates=2)
    train(copy_task, tmp_path, *FUSED)
    assert largest_difference(saved(tmp_path), saved(trained)) < 1e-6


def test_half_precision_trains_full_copies_of_the_parameters(copy_task, trained, tmp_path):
    printed = train(copy_task, tmp_path, *FUSED, "--fp16", "--fp16-no-flatten-grads").stdout
    assert "loss_scale=128" in printed
    assert largest_difference(saved(tmp_path), saved(trained)) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--adam-betas", "3"), "--adam-betas 3: give two numbers from 0 to below 1"),
        (("--adam-betas", "(0.9, 1.0)"), "--adam-betas (0.9, 1.0): give two numbers"),
        (("--memory-efficient-fp16",), "--optimizer fused_adam cannot go with --memory-eff"),
    ],
)
def test_options_that_cannot_work_are_one_line(copy_task, tmp_path, options, message):
    refused = train(copy_task, tmp_path, *FUSED, *options, check=False)
    assert refused.returncode != 0
    assert message in refused.stdout.splitlines()[-1]
    assert "Traceback" not in refused.stdout
