"""A model on the card computes what it computes on the CPU, and what its unshared copy computes."""

from argparse import Namespace

import pytest
import torch
from equality import Twins, build
from fairseq import utils
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from support import batch, dictionary, every_parameter, sharing_options

from fairseq_sharing import tied_groups

SHARED = sharing_options("cycle_rev")
MODELS = {
    "vanilla": {},
    "sequence": sharing_options("sequence"),
    "cycle_rev": SHARED,
    "universal": sharing_options("universal"),
    "pre-norm": {**SHARED, "encoder_normalize_before": True, "decoder_normalize_before": True},
    "admin": {**SHARED, "residual_scaling": "admin"},
}
SEPARATE = {"share_all_embeddings": False}  # else an untrained decoder repeats its input
CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def on(device: str, inputs: dict) -> dict:
    """The same inputs on ``device``."""
    return utils.apply_to_sample(lambda tensor: tensor.to(device), inputs)


def trained_once(model, device: str) -> torch.Tensor:
    """The logits of one training pass of ``model``, whose gradients it leaves behind."""
    logits = model(**on(device, batch()))[0]
    probe = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4)).to(device)
    (logits * probe).sum().backward()
    return logits


def assert_same_gradients(model, other) -> None:
    expected = every_parameter(other)
    for name, parameter in every_parameter(model).items():
        if parameter.grad is None:
            assert expected[name].grad is None, name
        else:
            torch.testing.assert_close(parameter.grad.cpu(), expected[name].grad.cpu(), **CLOSE)


@pytest.mark.parametrize("model", MODELS)
def test_logits_and_gradients_are_those_of_the_cpu(device, model):
    ours, theirs = (
        build("shared_transformer", **MODELS[model]).to(device),
        build("shared_transformer", **MODELS[model]),
    )
    assert tied_groups(ours) == tied_groups(theirs)
    logits, expected = trained_once(ours, device), trained_once(theirs, "cpu")
    torch.testing.assert_close(logits.cpu(), expected, **CLOSE)
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
def test_with_and_without_reuse_the_same(device, precision, training):
    options = {**MODELS["admin"], "dropout": 0.1}
    ours, theirs = (
        build("shared_transformer", **options, no_cross_attention_reuse=without).to(
            device, precision
        )
        for without in (False, True)
    )
    logits = []
    for model in (ours.train(training), theirs.train(training)):
        torch.manual_seed(7)
        logits.append(trained_once(model, device))
    tolerance = CLOSE if precision == torch.float32 else {"atol": 0.05, "rtol": 0.05}
    torch.testing.assert_close(*logits, **tolerance)
    if precision == torch.float32:
        assert_same_gradients(ours, theirs)


def search(model, device: str) -> list:
    """What fairseq's beam search finds for the test batch."""
    task = TranslationTask(TranslationConfig(), dictionary(), dictionary())
    generator = task.build_generator([model], Namespace(beam=4, max_len_b=8))
    sample = {"net_input": on(device, batch())}
    return task.inference_step(generator, [model], sample)


@pytest.mark.parametrize("model", [name for name in MODELS if name != "vanilla"])
def test_beam_search_finds_what_it_finds_with_the_unshared_copy(device, model):
    twins = Twins(**MODELS[model], **SEPARATE)
    models = [one.to(device).eval() for one in (twins.shared, twins.plain)]
    for vector in twins.vectors.values():
        vector.data = vector.data.to(device)
    for ours, theirs in zip(*(search(one, device) for one in models), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one["tokens"].tolist() == other["tokens"].tolist()
            torch.testing.assert_close(
                one["positional_scores"], other["positional_scores"], **CLOSE
            )
