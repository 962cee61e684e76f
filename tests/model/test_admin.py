"""Residual scaling: what is measured, when, and what becomes of it."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from equality import Twins, build
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.optim.fp16_optimizer import FP16Optimizer
from fairseq.sequence_generator import SequenceGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from support import SHARING, batch, dictionary, sharing_options
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fairseq_sharing import SharingError, count_parameters
from fairseq_sharing.model.admin import NORMS, ResidualProfile, ScaledResidualNorm

ADMIN = {**sharing_options("cycle_rev"), "residual_scaling": "admin"}


class TwoSublayers(nn.Module):
    """The norms of an encoder layer of two elements, around sublayers that a test makes up."""

    def __init__(self):
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(2)
        self.final_layer_norm = nn.LayerNorm(2)


def scaled_norms(model: nn.Module) -> list[ScaledResidualNorm]:
    """All of them, in the order of a forward pass."""
    return [module for module in model.modules() if isinstance(module, ScaledResidualNorm)]


def starts(model: nn.Module) -> list[float]:
    return [norm.residual_start for norm in scaled_norms(model)]


def strategy_options(strategy: str) -> dict:
    return {} if strategy == "none" else sharing_options(strategy)


def profiled(**options) -> nn.Module:
    model = build("shared_transformer", **{**ADMIN, **options})
    model(**batch())
    return model


def test_a_case_by_hand():
    layers = nn.ModuleList([TwoSublayers(), TwoSublayers()])
    profile = ResidualProfile({"encoder": layers})
    passes = [  # f(x) and x; variances by hand
        ([0.0, 2.0], [0.0, 4.0]),  # 1 and 4: r = sqrt(1 * 4 + 1) = sqrt 5
        ([0.0, 4.0], [-1.0, 1.0]),  # 4 and 1: r = sqrt(5 * 1 + 4) = 3
        ([5.0, 5.0], [1.0, 3.0]),  # 0 and 1: r = sqrt(9 * 1 + 0) = 3
        ([1.0, 1.0], [1.0, 1.0]),
    ]
    assert not profile.done
    for norm, pair in zip(scaled_norms(layers), passes, strict=True):
        norm(torch.tensor(pair))
    assert profile.done
    assert starts(layers) == pytest.approx([1, math.sqrt(5), 3, 3])
    x, residual = torch.tensor(passes[1])
    expected = nn.functional.layer_norm(x + math.sqrt(5) * residual, (2,))
    torch.testing.assert_close(layers[0].final_layer_norm((x, residual)), expected)


def test_the_starts_of_a_model_follow_from_what_its_sublayers_gave():
    model = build("shared_transformer", **ADMIN, dropout=0.1)
    seen = []
    for norm in scaled_norms(model):
        norm.register_forward_pre_hook(lambda _, pair: seen.append(pair[0]))
    model(**batch())
    r, expected = 1.0, []
    for place, (x, residual) in enumerate(seen):
        r = 1.0 if place == 8 else r  # the decoder's first, after 4 encoder layers
        expected.append(r)
        r = math.sqrt((r * residual.double()).var(correction=0) + x.double().var(correction=0))
    assert starts(model) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    strategy=st.sampled_from(SHARING),
    encoder=st.integers(3, 6),
    decoder=st.integers(3, 6),
    seed=st.integers(0, 2**30),
    sentences=st.integers(2, 5),
)
def test_properties_of_the_chain(strategy, encoder, decoder, seed, sentences):
    sizes = {"encoder_layers": encoder, "decoder_layers": decoder, **sharing_options(strategy)}
    plain = build("shared_transformer", **sizes)
    model = build("shared_transformer", seed=seed, **sizes, residual_scaling="admin")
    first = model(**batch(sentences))[0]
    assert torch.equal(model(**batch(sentences))[0], first)
    norms = scaled_norms(model)
    assert len(norms) == len({id(n.residual_delta) for n in norms}) == 2 * encoder + 3 * decoder
    assert count_parameters(model) - count_parameters(plain) == 16 * len(norms)
    for side in (starts(model.encoder), starts(model.decoder)):
        assert side[0] == 1
        assert side[1:] == sorted(side[1:])


@pytest.mark.parametrize("strategy", ["none", "cycle_rev"])
def test_equal_to_an_unshared_model_that_multiplies_by_itself(strategy):
    twins = Twins(
        **sharing_options(strategy) if strategy != "none" else {}, residual_scaling="admin"
    )
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("dtypes", [(torch.float32,) * 2, (torch.bfloat16, torch.float32)])
def test_a_sublayer_makes_one_sum_and_no_product(dtypes):
    """A product of its own would be written to memory and read again in each sublayer."""
    norm = scaled_norms(profiled())[1].eval()
    made: list[str] = []

    class Operators(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.shape == (5, 2, 16):
                made.append(func.overloadpacket.__name__)
            return result

    x, residual = (torch.randn(5, 2, 16).to(dtype).requires_grad_() for dtype in dtypes)
    with Operators():
        found = norm((x, residual))
    assert not {"mul", "add"} & set(made)
    copies = [each.detach().requires_grad_() for each in (x, residual)]
    w = norm.residual_vector().detach().requires_grad_()
    expected = F.layer_norm(copies[0] + w * copies[1], (16,), norm.weight, norm.bias, norm.eps)
    torch.testing.assert_close(found, expected)
    probe = torch.randn(5, 2, 16)
    found.backward(probe)
    expected.backward(probe)
    pairs = [*zip((x, residual), copies, strict=True), (norm.residual_delta, w)]
    for ours, theirs in pairs:
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_only_the_first_training_pass_measures():
    model = build("shared_transformer", **ADMIN).eval()
    model(**batch())
    assert not model.residual_profile.done
    model.train()
    model.encoder(batch()["src_tokens"], batch()["src_lengths"])  # not yet a whole pass
    assert not model.residual_profile.done
    model(**batch())
    measured = starts(model)
    model(**batch(seed=9))
    assert starts(model) == measured
    assert measured != starts(profiled(seed=2))


def test_activation_checkpointing_measures_the_same_and_once():
    model = build("shared_transformer", **ADMIN, checkpoint_activations=True, dropout=0.1)
    plain = build("shared_transformer", **ADMIN, dropout=0.1)
    for one in (model, plain):
        torch.manual_seed(3)
        one(**batch())[0].logsumexp(-1).sum().backward()
    assert starts(model) == starts(plain)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("strategy", ["none", "universal", "cycle_rev"])
def test_the_state_dict_carries_all_there_is_to_know(strategy):
    sharing = {**strategy_options(strategy), "residual_scaling": "admin"}
    model = build("shared_transformer", **sharing)
    model(**batch())
    assert model.state_dict()["encoder.residual_start"].tolist() == starts(model.encoder)
    assert model.state_dict()["decoder.residual_start"].shape == (12,)
    other = build("shared_transformer", seed=5, **sharing)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(**batch(seed=9))[0], model(**batch(seed=9))[0])
    assert starts(other) == starts(model)


def test_a_state_from_before_the_first_pass_is_measured_later():
    model = build("shared_transformer", **ADMIN)
    trained = profiled(seed=3)
    trained.load_state_dict(model.state_dict())
    assert not trained.residual_profile.done
    assert set(starts(trained)) == {1.0}
    trained(**batch())
    model(**batch())
    assert starts(trained) == starts(model)


def test_copies_and_half_precision_keep_what_was_measured():
    model = profiled()
    twin = copy.deepcopy(model).half()
    assert twin.residual_profile is not model.residual_profile
    assert twin.residual_profile.done
    assert starts(twin) == starts(model)
    reloaded = build("shared_transformer", **ADMIN)
    reloaded.load_state_dict({n: v.half() for n, v in model.state_dict().items()})
    assert starts(reloaded) == pytest.approx(starts(model), rel=1e-3)


def test_measured_in_float32_whatever_the_precision():
    model = build("shared_transformer", **ADMIN).bfloat16()
    model(**batch())
    assert starts(model) == pytest.approx(starts(profiled()), rel=0.02)
    wide = nn.ModuleList([TwoSublayers()])
    ResidualProfile({"encoder": wide})
    wide.half()
    wide[0].self_attn_layer_norm(torch.tensor([[0, 0], [-300, 300]], dtype=torch.float16))
    wide[0].final_layer_norm(torch.zeros(2, 2, dtype=torch.float16))
    assert starts(wide) == [1, 300]


def test_float32_copies_of_the_optimizer_do_not_undo_the_measurement():
    model = build("shared_transformer", **ADMIN).half()
    arguments = "data --arch shared_transformer --fp16 --fp16-no-flatten-grads --optimizer adam"
    args = options.parse_args_and_arch(
        options.get_training_parser(), f"{arguments} --lr 0.01".split()
    )
    cfg = convert_namespace_to_omegaconf(args)
    optimizer = FP16Optimizer.build_optimizer(cfg, list(model.parameters()), flatten=False)
    optimizer.backward(model(**batch())[0].float().logsumexp(-1).sum())
    optimizer.step()
    for norm, start in zip(scaled_norms(model), starts(profiled()), strict=True):
        vector = norm.residual_vector()
        assert 0 < (vector - norm.residual_start).abs().max() < 0.011
        assert norm.residual_start == pytest.approx(start, rel=0.02)


def test_two_models_in_one_process_and_as_an_ensemble():
    models = [profiled(seed=seed).eval() for seed in (1, 2)]
    assert starts(models[0]) != starts(models[1])
    alone = [_translate([model]) for model in models]
    assert _translate(models) not in alone
    assert [_translate([model]) for model in models] == alone


def _translate(models):
    generator = SequenceGenerator(models, dictionary(), beam_size=2, max_len_b=8)
    found = generator.generate(models, {"net_input": batch()})
    return [[(h["tokens"].tolist(), float(h["score"])) for h in beam] for beam in found]


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("place", ["encoder.layers.0.fc1.weight", "decoder.layers.2.fc2.bias"])
def test_a_first_batch_that_is_not_finite_sets_nothing(place, bad):
    model = build("shared_transformer", **ADMIN)
    weight = dict(model.named_parameters())[place]
    good = weight.detach().clone()
    with torch.no_grad():
        weight.view(-1)[0] = bad
    with pytest.raises(SharingError, match="not finite, no residual vector was set"):
        model(**batch())
    assert not model.residual_profile.done
    assert set(starts(model)) == {1.0}
    assert "encoder.residual_start" not in model.state_dict()
    with torch.no_grad():
        weight.copy_(good)
    model(**batch())
    assert starts(model) == starts(profiled())


def test_checkpoints_with_and_without_do_not_mix():
    scaled, plain = profiled(), build("shared_transformer", **sharing_options("cycle_rev"))
    with pytest.raises(SharingError, match="trained with --residual-scaling admin"):
        plain.load_state_dict(scaled.state_dict())
    with pytest.raises(SharingError, match="trained with --residual-scaling none"):
        scaled.load_state_dict(plain.state_dict())
    assert scaled.residual_profile.done


def test_an_unknown_scaling_is_refused():
    with pytest.raises(SharingError, match=r"--residual-scaling amin: unknown; valid are none"):
        build("shared_transformer", residual_scaling="amin")


def test_every_norm_of_a_layer_is_known():
    layers = [*profiled().encoder.layers, *profiled().decoder.layers]
    named = {name for layer in layers for name, _ in layer.named_children() if "layer_norm" in name}
    assert named == set(NORMS)


@pytest.mark.parametrize("depths", [(2, 4), (4, 2)])
def test_starts_of_another_depth_are_refused_and_leave_the_model_as_it_was(depths):
    sizes = [{"encoder_layers": depth, "decoder_layers": depth} for depth in depths]
    stored, own = (build("shared_transformer", residual_scaling="admin", **s) for s in sizes)
    for model in (stored, own):
        model(**batch())
    before = starts(own)
    with pytest.raises(SharingError, match=rf"{2 * depths[0]} sublayers.*has {2 * depths[1]}"):
        own.load_state_dict(stored.state_dict())
    assert starts(own) == before
