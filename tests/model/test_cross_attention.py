"""Keys and values projected once a unique layer: the same results as projecting them every time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from fairseq.modules import MultiheadAttention
from reuse import cross_attentions, with_and_without
from support import SHARING, batch, every_parameter, sharing_options, tiny_model

from fairseq_sharing.model.cross_attention import SharedCrossAttention

OPTIONS = {
    "plain": {},
    "dropout": {"dropout": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.1},
    "pre-norm": {"encoder_normalize_before": True, "decoder_normalize_before": True},
    "layerdrop": {"encoder_layerdrop": 0.5, "decoder_layerdrop": 0.5},
    "admin": {"residual_scaling": "admin", "dropout": 0.1},
    "checkpointed": {"checkpoint_activations": True, "dropout": 0.1},
    "offloaded": {"offload_activations": True},
    "unequal widths": {
        "share_all_embeddings": False,
        "encoder_embed_dim": 24,
        "decoder_embed_dim": 16,
    },
    "explicit map": {
        "sharing_strategy": "none",
        "encoder_unique_layers": None,
        "decoder_unique_layers": None,
        "decoder_layer_map": "0,1,0,2",
    },
    "no cross-attention": {"no_cross_attention": True},
    "cross + self": {"no_cross_attention": True, "cross_self_attention": True},
}
ALIGNMENT = {
    "the last layer": {},
    "a lower layer": {"alignment_layer": 1},
    "some heads": {"alignment_heads": 1},
    "full context": {"full_context_alignment": True},
}


def run(model, training=True, seed=7, **inputs):
    model.train(training)
    torch.manual_seed(seed)
    return model(**{**batch(), **inputs})


def assert_same_gradients(models, outputs):
    for logits, _ in outputs:
        probe = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
        (logits * probe).mean().backward()
    expected = every_parameter(models[1])
    for name, parameter in every_parameter(models[0]).items():
        torch.testing.assert_close(parameter.grad, expected[name].grad, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("option", OPTIONS)
def test_same_outputs_and_gradients(option):
    models = with_and_without(**OPTIONS[option])
    for training in (False, True):
        outputs = [run(model, training) for model in models]
        assert torch.equal(outputs[0][0], outputs[1][0])
    assert_same_gradients(models, outputs)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("wanted", ALIGNMENT)
def test_same_alignment(wanted, training):
    models = [model.train(training) for model in with_and_without()]
    ours, theirs = (_decode(model, **ALIGNMENT[wanted]) for model in models)
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1]["attn"][0], theirs[1]["attn"][0])


def _decode(model, **options):
    inputs = batch()
    encoded = model.encoder(inputs["src_tokens"], inputs["src_lengths"])
    return model.decoder(inputs["prev_output_tokens"], encoder_out=encoded, **options)


def test_same_under_autocast_and_in_half_precision():
    models = with_and_without()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = [run(model) for model in models]
    assert torch.equal(outputs[0][0], outputs[1][0])
    ours, theirs = (run(model.bfloat16())[0] for model in models)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("strategy", SHARING)
def test_one_projection_for_each_unique_layer(strategy):
    model = tiny_model(**sharing_options(strategy))
    called = []
    for attention in set(cross_attentions(model)):
        for projection in (attention.k_proj, attention.v_proj):
            projection.register_forward_hook(lambda module, *_: called.append(module))
    run(model)
    assert len(called) == 2 * len(set(model.decoder.side_map.layers))


def test_layers_with_parameters_of_their_own_keep_fairseqs_attention():
    alone, shared, again, also_alone = cross_attentions(
        tiny_model(**sharing_options("middle_cycle"))
    )
    assert type(alone) is type(also_alone) is MultiheadAttention
    assert type(shared) is SharedCrossAttention
    assert again is shared
    for model in (tiny_model(), with_and_without()[1]):
        assert {type(attention) for attention in cross_attentions(model)} == {MultiheadAttention}


def test_state_dict_is_the_same():
    ours, theirs = (model.state_dict() for model in with_and_without())
    assert list(ours) == list(theirs)
    model = with_and_without()[1]
    model.load_state_dict(ours)
    assert torch.equal(run(model)[0], run(with_and_without()[0])[0])


def test_nothing_survives_a_forward_pass():
    """Other batches, other weights, other modes of autograd and interrupted passes in between."""
    model, plain = with_and_without()
    with torch.no_grad():
        run(model)
        for one in (model, plain):
            one.decoder.layers[0].encoder_attn.k_proj.weight.mul_(2)
    other = batch(seed=3)
    assert torch.equal(run(model, **other)[0], run(plain, **other)[0])
    with pytest.raises(IndexError):
        run(model, prev_output_tokens=batch()["prev_output_tokens"] + 40)
    model.decoder.layers[-1].fc2.register_forward_pre_hook(_interrupt_once())
    with pytest.raises(KeyboardInterrupt):
        run(model, **other)
    outputs = [run(one) for one in (model, plain)]
    assert torch.equal(outputs[0][0], outputs[1][0])
    assert_same_gradients((model, plain), outputs)


def _interrupt_once():
    pending = [KeyboardInterrupt()]

    def hook(*_):
        if pending:
            raise pending.pop()

    return hook


def test_a_layer_called_on_its_own_keeps_nothing():
    layer = with_and_without()[0].decoder.layers[0]
    target, sources = torch.randn(4, 2, 16), torch.randn(2, 5, 2, 16)
    outputs = [layer(target, source)[0] for source in sources]
    assert not torch.equal(*outputs)
    assert torch.equal(layer(target, sources[0])[0], outputs[0])


def test_threads_do_not_share_projections():
    model = with_and_without()[0].eval()
    together = Barrier(2)
    model.decoder.layers[1].fc1.register_forward_pre_hook(lambda *_: _wait(together))
    batches = [batch(seed=seed) for seed in (3, 4)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda inputs: model(**inputs)[0], batches))
    alone = with_and_without()[1].eval()
    for inputs, logits in zip(batches, found, strict=True):
        torch.testing.assert_close(logits, alone(**inputs)[0], atol=1e-6, rtol=0)


def _wait(barrier):
    barrier.wait(10)
