"""The model against independent numbers, against fairseq's own, and against itself step by step."""

import json

import numpy as np
import pytest
import torch
from equality import assert_same_step_by_step
from fairseq.sequence_generator import SequenceGenerator
from support import (
    DATA,
    SHARING,
    batch,
    dictionary,
    every_parameter,
    sharing_options,
    tiny_model,
    unshared_copy,
)

REFERENCES = {"none": {}, "cycle_rev_N6_M3": sharing_options("cycle_rev", 3)}


@pytest.fixture(params=REFERENCES)
def reference(request):
    """The numbers of the released implementation and our model with the same weights."""
    numbers = dict(np.load(DATA / f"reference_{request.param}.npz"))
    model = tiny_model(
        encoder_layers=6,
        decoder_layers=6,
        encoder_embed_dim=32,
        encoder_ffn_embed_dim=64,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        **REFERENCES[request.param],
    )
    state = {
        name.removeprefix("param/"): torch.from_numpy(value)
        for name, value in numbers.items()
        if name.startswith("param/")
    }
    for alias, stored in json.loads(str(numbers["alias_json"])).items():
        state[alias] = state[stored]
    model.load_state_dict(state)
    return numbers, model


def _inputs(numbers):
    names = ("src_tokens", "src_lengths", "prev_output_tokens")
    return {name: torch.from_numpy(numbers[f"batch/{name}"]) for name in names}


def test_logits_of_the_released_implementation(reference):
    numbers, model = reference
    model.eval()
    counted = numbers["batch/target"] != 1
    inputs = _inputs(numbers)
    logits = model(**inputs)[0].detach().numpy()
    np.testing.assert_allclose(logits[counted], numbers["logits_eval"][counted], atol=1e-5)
    inputs["src_tokens"] = torch.from_numpy(numbers["batch_rightpad/src_tokens"])
    logits = model(**inputs)[0].detach().numpy()
    np.testing.assert_allclose(logits[counted], numbers["logits_eval_rightpad"][counted], atol=1e-5)


def test_loss_and_gradients_of_the_released_implementation(reference):
    numbers, model = reference
    target = torch.from_numpy(numbers["batch/target"])
    losses = -model(**_inputs(numbers))[0].log_softmax(-1)[target != 1]
    nll = losses.gather(-1, target[target != 1][:, None]).sum()
    loss = 0.9 * nll + 0.1 * losses.mean(-1).sum()  # smoothing spread over all words, as it was
    loss.backward()
    assert float(loss) == pytest.approx(float(numbers["loss"]), rel=1e-5)
    assert float(nll) == pytest.approx(float(numbers["nll_loss"]), rel=1e-5)
    parameters = every_parameter(model)
    for name, value in numbers.items():
        if name.startswith("grad/"):
            np.testing.assert_allclose(
                _gradient(parameters, name.removeprefix("grad/")),
                value,
                atol=1e-5 * max(1.0, float(np.abs(value).max())),
                err_msg=name,
            )


def _gradient(parameters, name):
    """A gradient under today's name or, for the older ``in_proj_``, q, k and v stacked."""
    if "in_proj_" not in name:
        return parameters[name].grad.numpy()
    stem, kind = name.split("in_proj_")
    return np.concatenate([parameters[f"{stem}{p}_proj.{kind}"].grad.numpy() for p in "qkv"])


def test_greedy_decoding_of_the_released_implementation(reference):
    numbers, model = reference
    model.eval()
    inputs = _inputs(numbers)
    encoded = model.encoder(inputs["src_tokens"], inputs["src_lengths"])
    tokens = torch.full((3, 1), 2)
    cache: dict = {}
    for step in range(numbers["greedy_logits_incremental"].shape[1]):
        logits = model.decoder(tokens, encoder_out=encoded, incremental_state=cache)[0][:, -1]
        expected = numbers["greedy_logits_incremental"][:, step]
        np.testing.assert_allclose(logits.detach().numpy(), expected, atol=1e-5)
        logits[:, :2] = -torch.inf
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], dim=1)
    assert tokens.tolist() == numbers["greedy_tokens_incremental"].tolist()


def test_without_sharing_it_is_fairseqs_transformer_bit_for_bit():
    ours, theirs = tiny_model(), tiny_model(arch="transformer")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    assert torch.equal(ours(**batch())[0], theirs(**batch())[0])


@pytest.mark.parametrize("strategy", SHARING)
def test_equal_to_an_unshared_model_with_copied_weights(strategy):
    shared = tiny_model(**sharing_options(strategy))
    plain = unshared_copy(shared)
    for model in (shared, plain):
        logits = model(**batch())[0]
        (logits.log_softmax(-1)[..., 5] * torch.arange(1.0, 7.0)).sum().backward()
    torch.testing.assert_close(shared(**batch())[0], plain(**batch())[0], atol=1e-6, rtol=0)
    _assert_gradients_are_sums(shared, plain)


def _assert_gradients_are_sums(shared, plain):
    copies = every_parameter(plain)
    for names in _names_of_each_parameter(shared):
        total = sum(copies[name].grad for name in _distinct(copies, names))
        ours = every_parameter(shared)[names[0]].grad
        torch.testing.assert_close(ours, total, atol=1e-5, rtol=1e-5)


def _names_of_each_parameter(model):
    groups: dict = {}
    for name, parameter in every_parameter(model).items():
        groups.setdefault(parameter, []).append(name)
    return groups.values()


def _distinct(copies, names):
    """One name for each separate parameter of the unshared model; it ties embeddings as well."""
    return {copies[name]: name for name in names}.values()


def test_an_adam_step_is_one_with_the_summed_gradient():
    shared = tiny_model(**sharing_options("cycle_rev"))
    plain = unshared_copy(shared)
    for model in (shared, plain):
        model(**batch())[0].log_softmax(-1)[..., 5].sum().backward()
    copies = every_parameter(plain)
    for names in _names_of_each_parameter(shared):
        distinct = [copies[name] for name in _distinct(copies, names)]
        total = sum(copy.grad for copy in distinct)
        for copy in distinct:
            copy.grad = total.clone()
    for model in (shared, plain):  # a large eps, for key biases: their gradient is rounding only
        torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-4).step()
    for name, parameter in every_parameter(shared).items():
        torch.testing.assert_close(parameter, copies[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize("before", [False, True], ids=["post-norm", "pre-norm"])
@pytest.mark.parametrize("strategy", SHARING)
def test_full_and_incremental_decoding_give_the_same_logits(strategy, before):
    model = tiny_model(
        **sharing_options(strategy),
        encoder_normalize_before=before,
        decoder_normalize_before=before,
    ).eval()
    assert_same_step_by_step(model)


@pytest.mark.parametrize("strategy", SHARING)
def test_beam_search_finds_what_an_unshared_copy_finds(strategy):
    shared = tiny_model(**sharing_options(strategy)).eval()
    plain = unshared_copy(shared).eval()
    sample = {"net_input": batch()}
    found = [
        SequenceGenerator([model], dictionary(), beam_size=4, max_len_b=12).generate(
            [model], sample
        )
        for model in (shared, plain)
    ]
    for ours, theirs in zip(*found, strict=True):
        assert [h["tokens"].tolist() for h in ours] == [h["tokens"].tolist() for h in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert float(one["score"]) == pytest.approx(float(other["score"]), abs=1e-5)
