"""The tools on checkpoints of models whose sublayers have maps of their own."""

import json
from argparse import Namespace
from itertools import pairwise

import pytest
import torch
from fairseq.models.transformer import TransformerModel
from support import batch, sharing_options, tiny_model, toy_task

from fairseq_sharing.checkpoint.average import average
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.depth import at_trained_depth
from fairseq_sharing.checkpoint.share import share
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

PARTS = {
    "ffn": {**sharing_options("cycle", 2), "share_sublayers": "ffn"},
    "attention, admin": {
        **sharing_options("cycle", 2),
        "share_sublayers": "attention",
        "residual_scaling": "admin",
    },
    "in full": {"encoder_ffn_map": "0,0,1,1", "decoder_cross_attention_map": "0,0,0,1"},
    "across sides": {"encoder_ffn_map": "0,0,1,1", "decoder_encoder_ffn_map": "1,0,0,1"},
    "no decoder ffn": {"no_decoder_ffn": True, "encoder_ffn_map": "0,0,0,0"},
    "no decoder ffn, pre-norm": {"no_decoder_ffn": True, "decoder_normalize_before": True},
    "no decoder ffn, admin": {
        **sharing_options("cycle", 2),
        "no_decoder_ffn": True,
        "residual_scaling": "admin",
    },
    "no decoder ffn, embeddings alone": {"no_decoder_ffn": True, "no_cross_attention": True},
}
FC1 = "encoder.layers.{}.fc1.weight"


def loaded(content, **options):
    model = tiny_model(seed=9, **options)
    model.load_state_dict(content["model"])
    return model.eval()(**batch())[0]


@pytest.mark.parametrize("parts", PARTS)
def test_an_unrolled_model_is_the_same_function(save, parts):
    checkpoint = Checkpoint.read(save(**PARTS[parts]))
    content = unroll(checkpoint)
    args = Namespace(**content["cfg"]["model"], arch="transformer")
    plain = TransformerModel.build_model(args, toy_task())
    plain.load_state_dict(content["model"])
    expected = loaded(checkpoint.content, **PARTS[parts])
    torch.testing.assert_close(plain.eval()(**batch())[0], expected, atol=1e-4, rtol=0)
    assert not any("map" in name or "sublayer" in name for name in content["cfg"]["model"])


@pytest.mark.parametrize("parts", PARTS)
def test_inspect_has_each_map_and_counts(save, tool, parts):
    path = save(**PARTS[parts])
    facts = json.loads(tool("inspect", path, "--json")[1])
    model = tiny_model(**PARTS[parts])
    for side, side_map in model.maps.items():
        stored = {part: tuple(layers) for part, layers in facts["sides"][side]["maps"].items()}
        assert stored == side_map.parts
    assert facts["parameters"] == sum(map(torch.numel, model.parameters()))
    assert str(model.maps["encoder"]) in " ".join(tool("inspect", path)[1].split())


def test_averaging_takes_one_set_of_maps_however_it_was_asked_for(save):
    own = dict.fromkeys(("encoder_ffn_map", "decoder_ffn_map"), "0,1,0,1")
    one, same = save("a.pt", **PARTS["ffn"]), save("b.pt", seed=2, **own)
    assert "encoder.ffn_map" in average([one, same])["model"]
    other = save("c.pt", **{**PARTS["ffn"], "share_sublayers": "attention"})
    with pytest.raises(SharingError, match="self_attention_map is 0,1,2,3 in the first, 0,1,0,1"):
        average([one, other])


def test_stripped_maps_keep_their_precision(save):
    state = strip(Checkpoint.read(save(**PARTS["in full"])), "bf16")["model"]
    assert state["decoder.cross_attention_map"].dtype == torch.float32
    assert state["decoder.layers.0.fc1.weight"].dtype == torch.bfloat16
    assert loaded({"model": state}, **PARTS["in full"]).isfinite().all()


def test_sharing_ties_what_is_named_alone_and_says_how_far_it_was_apart(save, tool, tmp_path):
    path, output = save(arch="transformer"), tmp_path / "shared.pt"
    content, distances = share(Checkpoint.read(path), "mean", **PARTS["ffn"])
    before, after = Checkpoint.read(path).state, content["model"]
    mean = (before[FC1.format(1)].float() + before[FC1.format(3)].float()) / 2
    torch.testing.assert_close(after[FC1.format(1)].float(), mean)
    kept = "decoder.layers.3.self_attn.k_proj.weight"
    assert torch.equal(after[kept], before[kept])
    assert {(d.side, d.part) for d in distances} == {("encoder", "ffn"), ("decoder", "ffn")}
    assert len(distances) == 8
    assert loaded(content, **PARTS["ffn"]).isfinite().all()
    status, printed, _ = tool("share", path, "--encoder-ffn-map", "0,0,0,0", "--output", output)
    assert (status, printed.count("ffn")) == (0, 4)
    assert Checkpoint.read(output).state["encoder.ffn_map"].tolist() == [0] * 4


def test_a_model_that_has_not_grown_is_taken_at_its_depth(save):
    options = {"encoder_self_attention_map": "0,1,0,1", "encoder_ffn_map": "0,1,2,1"}
    checkpoint = Checkpoint.read(save(**options, decoder_layers=2, grow_depth_at="99"))
    shallow = at_trained_depth(checkpoint)
    assert str(shallow.skeleton().maps["encoder"]) == "self-attention 0,1,0 ffn 0,1,2"
    own = {"encoder_self_attention_map": "0,1,0", "encoder_layers": 3, "decoder_layers": 2}
    assert torch.equal(
        loaded(shallow.content, **own),
        loaded(checkpoint.content, **options, decoder_layers=2, grow_depth_at="99"),
    )


OWN = {**sharing_options("cycle", 2), "own": "norms,biases,scales", "own_rank": 2}


def test_sharing_keeps_norms_and_biases_and_says_what_deltas_hold(save):
    checkpoint = Checkpoint.read(save(arch="transformer"))
    before = checkpoint.state
    held = []
    for rank in (1, 4, 16):
        content, distances = share(checkpoint, "mean", **{**OWN, "own_rank": rank})
        after = content["model"]
        for name in ("self_attn_layer_norm.weight", "fc1.bias", "self_attn.k_proj.bias"):
            entry = f"decoder.layers.3.{name}"
            assert torch.equal(after[entry], before[entry])
        held.append([distance.held for distance in distances])
        assert loaded(content, **{**OWN, "own_rank": rank}).isfinite().all()
    for less, more in pairwise(held):
        assert all(0 < one < other for one, other in zip(less, more, strict=True))
    assert held[-1] == pytest.approx([1] * 8, abs=1e-2)


def test_full_rank_is_the_unshared_model(save):
    checkpoint = Checkpoint.read(save(arch="transformer"))
    full = {**OWN, "own_rank": 16}
    content, _ = share(checkpoint, "mean", **full)
    expected = tiny_model(arch="transformer", seed=9)
    expected.load_state_dict(checkpoint.state)
    plain = expected.eval()(**batch())[0]
    torch.testing.assert_close(loaded(content, **full), plain, atol=1e-2, rtol=0)


def test_what_is_own_goes_through_the_tools(save, tool, tmp_path):
    source, shared, plain = save(arch="transformer"), tmp_path / "s.pt", tmp_path / "p.pt"
    flags = ("--sharing-strategy", "cycle", "--own", "norms,biases,scales", "--own-rank", 2)
    unique = ("--encoder-unique-layers", 2, "--decoder-unique-layers", 2)
    status, printed, _ = tool("share", source, *flags, *unique, "--output", shared)
    assert status == 0
    assert "own has" in printed
    assert json.loads(tool("inspect", shared, "--json")[1])["own"] == "norms,biases,scales rank 2"
    assert tool("unroll", shared, "--output", plain)[0] == 0
    content = Checkpoint.read(plain).content
    args = Namespace(**content["cfg"]["model"], arch="transformer")
    model = TransformerModel.build_model(args, toy_task())
    model.load_state_dict(content["model"])
    expected = loaded(Checkpoint.read(shared).content, **OWN)
    torch.testing.assert_close(model.eval()(**batch())[0], expected, atol=2e-5, rtol=1e-4)
    assert torch.equal(
        strip(Checkpoint.read(shared), "fp16")["model"]["decoder.own"].float(),
        Checkpoint.read(shared).state["decoder.own"],
    )
    mean = average([shared, shared])["model"]
    assert all(torch.equal(mean[name], t) for name, t in Checkpoint.read(shared).state.items())
    with pytest.raises(SharingError, match="own is norms,biases,scales rank 2 in the first, none"):
        average([shared, save("o.pt", **sharing_options("cycle", 2))])


@pytest.mark.parametrize("way", [{"own": "norms"}, {"own": "scales", "own_rank": 2}])
def test_a_shared_model_gets_its_own_and_stays_the_same(save, way):
    options = sharing_options("cycle", 2)
    checkpoint = Checkpoint.read(save(**options))
    content, _ = share(checkpoint, "mean", **options, **way)
    expected = loaded(checkpoint.content, **options)
    torch.testing.assert_close(loaded(content, **options, **way), expected, atol=1e-5, rtol=0)


def test_admin_with_its_own_is_unrolled(save):
    options = {**OWN, "residual_scaling": "admin"}
    content = unroll(Checkpoint.read(save(**options)))
    args = Namespace(**content["cfg"]["model"], arch="transformer")
    plain = TransformerModel.build_model(args, toy_task())
    plain.load_state_dict(content["model"])
    expected = loaded(Checkpoint.read(save(**options)).content, **options)
    torch.testing.assert_close(plain.eval()(**batch())[0], expected, atol=1e-4, rtol=1e-4)
