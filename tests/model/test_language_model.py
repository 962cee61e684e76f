"""The language model: fairseq's own without sharing, an unshared copy's equal with it."""

from argparse import Namespace
from types import SimpleNamespace

import pytest
import torch
from equality import LanguageTwins, build
from fairseq.models import ARCH_CONFIG_REGISTRY, build_model
from fairseq.sequence_generator import SequenceGenerator
from omegaconf import OmegaConf
from support import SHARING, dictionary, sharing_options, text_batch, tiny_args, tiny_model

from fairseq_sharing import SharingError, count_parameters
from fairseq_sharing.model.config import DecoderOnlyConfig

LM = "shared_transformer_lm"
SHARED = sharing_options("cycle_rev", 3, DecoderOnlyConfig.sides)
PRE_NORM = {"decoder_normalize_before": True}
ADAPTIVE = {
    "share_decoder_input_output_embed": False,
    "adaptive_input": True,
    "adaptive_input_cutoff": "10,20",
    "adaptive_softmax_cutoff": "10,20",
    "tie_adaptive_weights": True,
    "tie_adaptive_proj": True,
}


def sharing(strategy: str) -> dict:
    return sharing_options(strategy, 3, DecoderOnlyConfig.sides)


@pytest.mark.parametrize(
    "options", [{}, PRE_NORM, ADAPTIVE], ids=["post-norm", "pre-norm", "adaptive"]
)
def test_without_sharing_it_is_fairseqs_model_bit_for_bit(options):
    ours, theirs = build(LM, **options), build("transformer_lm", **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other), name
    outputs = [model(**text_batch())[0] for model in (ours, theirs)]
    assert torch.equal(*outputs)


def test_its_own_name_has_the_defaults_of_fairseqs_model():
    task = SimpleNamespace(source_dictionary=dictionary(), target_dictionary=dictionary())
    with torch.device("meta"):
        models = [
            build_model(Namespace(arch=name, max_target_positions=8), task)
            for name in (LM, "transformer_lm")
        ]
    shapes = [{name: p.shape for name, p in model.named_parameters()} for model in models]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("norm", [{}, PRE_NORM], ids=["post-norm", "pre-norm"])
@pytest.mark.parametrize("strategy", SHARING)
def test_equal_to_an_unshared_copy(strategy, norm):
    twins = LanguageTwins(**sharing(strategy), **norm)
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("embeddings", [{}, ADAPTIVE], ids=["plain", "adaptive"])
@pytest.mark.parametrize("strategy", SHARING)
def test_full_and_incremental_decoding_give_the_same_output(strategy, embeddings):
    model = build(LM, **sharing(strategy), **embeddings).eval()
    tokens = text_batch()["src_tokens"].clamp(min=3)
    full = model.get_normalized_probs(model(tokens), log_probs=True)
    cache: dict = {}
    for length in range(1, tokens.shape[1] + 1):
        output = model.decoder(tokens[:, :length], incremental_state=cache)
        step = model.get_normalized_probs(output, log_probs=True)
        torch.testing.assert_close(step[:, 0], full[:, length - 1], atol=1e-5, rtol=0)


def test_beam_search_after_a_prefix_finds_what_the_copy_finds():
    twins = LanguageTwins(**SHARED)
    prefix = torch.tensor([[5, 6], [7, 8], [5, 9]])
    sample = {"net_input": {"src_tokens": prefix, "src_lengths": torch.tensor([2, 2, 2])}}
    found = [
        SequenceGenerator([model.eval()], dictionary(), beam_size=4, max_len_b=12).generate(
            [model], sample, prefix_tokens=prefix
        )
        for model in (twins.shared, twins.plain)
    ]
    for ours, theirs in zip(*found, strict=True):
        assert [h["tokens"].tolist() for h in ours] == [h["tokens"].tolist() for h in theirs]


def test_the_state_has_every_parameter_once_and_comes_back():
    model = build(LM, **SHARED, **ADAPTIVE)
    state = model.state_dict()
    assert state["decoder.layer_map"].tolist() == [0, 1, 2, 2]
    parameters = {name for name, _ in model.named_parameters()}
    assert parameters <= state.keys()
    assert not any(name.startswith("decoder.layers.3") for name in state)
    other = build(LM, seed=2, **SHARED, **ADAPTIVE)
    other.load_state_dict(state)
    outputs = [m.eval()(**text_batch())[0] for m in (model, other)]
    assert torch.equal(*outputs)


def test_another_map_is_refused():
    state = build(LM, **SHARED).state_dict()
    with pytest.raises(SharingError, match="decoder layer map is 0,1,2,2, the model's is 0,0,1,2"):
        build(LM, **sharing("sequence")).load_state_dict(state)


@pytest.mark.parametrize("stored", ["shared_transformer", "transformer"])
def test_a_translation_model_is_no_language_model(stored):
    with pytest.raises(SharingError, match="is of a translation model, this is a language model"):
        build(LM).load_state_dict(tiny_model(arch=stored).state_dict())


@pytest.mark.parametrize("stored", [LM, "transformer_lm"])
def test_a_language_model_is_no_translation_model(stored):
    with pytest.raises(SharingError, match="is of a language model, this is a translation model"):
        tiny_model().load_state_dict(build(stored).state_dict())


def test_another_task_is_refused():
    task = SimpleNamespace(source_dictionary=dictionary(), target_dictionary=dictionary())
    with pytest.raises(SharingError, match="give --task language_modeling"):
        build_model(tiny_args(LM, max_target_positions=None), task)


def test_options_of_an_encoder_are_refused_in_a_hydra_config():
    cfg = OmegaConf.create({"_name": LM, "encoder_unique_layers": 3})
    with pytest.raises(SharingError, match="unknown model option 'encoder_unique_layers'"):
        ARCH_CONFIG_REGISTRY[LM](cfg)


@pytest.mark.parametrize("strategy", SHARING)
def test_depth_grows_from_fairseqs_model_of_m_layers(strategy):
    model = build(LM, **sharing(strategy), grow_depth_at="10")
    unique = max(model.maps["decoder"].layers) + 1
    shallow = build("transformer_lm", decoder_layers=unique)
    for mine, other in zip(model.parameters(), shallow.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(model(**text_batch())[0], shallow(**text_batch())[0])
    deep = build(LM, **sharing(strategy))
    model.set_num_updates(10)
    assert torch.equal(model(**text_batch())[0], deep(**text_batch())[0])
    assert model.state_dict()["decoder.running_layers"].tolist() == [1, 1, 1, 1]


def test_admin_starts_from_what_the_first_batch_measures():
    model = build(LM, **SHARED, residual_scaling="admin")
    model(**text_batch())
    starts = model.state_dict()["decoder.residual_start"]
    assert len(starts) == 8  # self-attention and feed-forward of 4 layers
    assert starts[0] == 1
    assert (starts[1:] > 1).all()


PRESETS = {
    "shared_transformer_lm_wiki103": (267_744, (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5), 6),
    "shared_transformer_lm_gpt": (50_000, (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5), 6),
    "shared_transformer_lm_tiny": (100, (0, 1), 2),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_parameters_of_its_unique_layers(preset):
    vocabulary, layer_map, unique = PRESETS[preset]
    task = SimpleNamespace(source_dictionary=dictionary(vocabulary - 4))
    task.target_dictionary = task.source_dictionary
    plain = {"sharing_strategy": "none", "decoder_layers": unique}
    with torch.device("meta"):
        deep, shallow = (
            build_model(Namespace(arch=preset, max_target_positions=512, **options), task)
            for options in ({}, plain)
        )
    assert deep.maps["decoder"].parts == {"layer": layer_map}
    assert count_parameters(deep) == count_parameters(shallow)
    if "wiki103" in preset:
        assert count_parameters(deep) == 120_971_264  # about 121M in the paper
