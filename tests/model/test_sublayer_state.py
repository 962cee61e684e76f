"""The state of a model whose sublayers have maps of their own."""

import pytest
import torch
from sublayer_maps import EMBEDDINGS, PARTS, counted
from support import batch, every_parameter, tiny_model

from fairseq_sharing import SharingError, count_parameters
from fairseq_sharing.model.sublayers import SUBLAYERS


@pytest.mark.parametrize("parts", PARTS)
def test_parameters_are_written_and_read_through_every_position(parts):
    model = tiny_model(**PARTS[parts])
    names = every_parameter(model)
    for side, side_map in model.maps.items():
        for sublayer, layers in side_map.sublayers.items():
            module = SUBLAYERS[sublayer][-1]
            norms = [names[f"{side}.layers.{n}.{module}.weight"] for n in range(len(layers))]
            for position, entry in enumerate(layers):
                same = [norm is norms[position] for norm in norms]
                assert same == [other == entry for other in layers]


def test_both_sides_have_one_parameter_stored_and_counted_once():
    model = tiny_model(**PARTS["one for both sides"])
    weights = {
        id(layer.fc1.weight) for side in (model.encoder, model.decoder) for layer in side.layers
    }
    assert len(weights) == 1
    assert count_parameters(model) == counted(model) + EMBEDDINGS
    state = model.state_dict()
    assert state["decoder.encoder_ffn_map"].tolist() == [0, 0, 0]
    assert [name for name in state if "fc1.weight" in name] == ["encoder.layers.0.fc1.weight"]


@pytest.mark.parametrize("parts", ["across sides", "one for both sides", "one wide"])
def test_models_across_sides_and_without_are_reloaded(parts):
    model = tiny_model(**PARTS[parts])
    for assign in (False, True):
        other = tiny_model(seed=9, **PARTS[parts])
        other.load_state_dict(model.state_dict(), assign=assign)
        assert count_parameters(other) == count_parameters(model)
        assert torch.equal(other(**batch())[0], model(**batch())[0])


@pytest.mark.parametrize(
    ("stored", "built", "line"),
    [
        (
            {},
            {"no_decoder_ffn": True},
            "decoder has feed-forwards, the model's has none; build it without",
        ),
        (
            {"no_decoder_ffn": True},
            {},
            "decoder has no feed-forwards, the model's has; build it with --no",
        ),
        (PARTS["across sides"], {"encoder_ffn_map": "0,1,1,2"}, "encoder-ffn 2,0,0,1, the model's"),
        ({"encoder_ffn_map": "0,1,1,2"}, PARTS["across sides"], "is encoder-ffn"),
    ],
)
def test_feed_forwards_of_another_kind_are_refused(stored, built, line):
    state = tiny_model(**stored).state_dict()
    with pytest.raises(SharingError) as refused:
        tiny_model(**built).load_state_dict(state)
    assert line.replace("is encoder-ffn", "encoder-ffn 2,0,0,1") in str(refused.value)
