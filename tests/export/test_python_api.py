"""The model from Python: load, translate, look at what is shared."""

import torch
from shipping import decode
from torch import nn

from fairseq_sharing import (
    SharedTransformerModel,
    count_parameters,
    layer_map,
    share_layers,
    tied_groups,
)


def load(trained):
    return SharedTransformerModel.from_pretrained(
        str(trained.checkpoints),
        "checkpoint_last.pt",
        str(trained.data),
        bpe="sentencepiece",
        sentencepiece_model=str(trained.spm),
    )


def test_translating_raw_text_is_what_fairseq_generate_does(trained):
    hub = load(trained)
    expected = decode(trained, trained.last, "--post-process", "sentencepiece", "--beam", 4)
    got = hub.translate(trained.text("en"), beam=4)
    assert got == [line.split("\t")[1] for line in expected]
    assert hub.translate("red cat") == hub.translate(["red cat"])[0]


def test_a_loaded_model_says_what_it_shares(trained):
    (model,) = load(trained).models
    assert model.maps["encoder"].layers == layer_map("cycle_rev", 4, 2) == (0, 1, 1, 0)
    groups = {group[0]: group for group in tied_groups(model)}
    name = "decoder.layers.{}.encoder_attn.q_proj.weight"
    assert groups[name.format(1)] == (name.format(1), name.format(2))
    assert count_parameters(model) < count_parameters(model, stacked=True)


def test_layers_of_other_libraries_can_be_shared():
    layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 6).layers
    one = count_parameters(layers[0])
    assert count_parameters(share_layers(layers, layer_map("cycle", 6, 3))) == 3 * one
    with torch.no_grad():
        layers[0].linear1.weight.fill_(3.0)
    assert (layers[3].linear1.weight == 3).all()
    assert layers[3].self_attn is not layers[0].self_attn
