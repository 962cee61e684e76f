"""Maps of sublayers that contradict each other or the model are refused in one line."""

import pytest
from equality import build
from sublayer_maps import CYCLE_REV
from support import sharing_options, tiny_model

from fairseq_sharing import SharingError
from fairseq_sharing.model.config import DecoderOnlyConfig

MISTAKES = {
    "unknown": ({**CYCLE_REV, "share_sublayers": "fnn"}, "unknown sublayer 'fnn'; give one or"),
    "empty": ({**CYCLE_REV, "share_sublayers": ""}, "unknown sublayer ''"),
    "nothing to share": ({"share_sublayers": "ffn"}, "ffn without --sharing-strategy or a"),
    "map of the layer too": (
        {"encoder_layer_map": "0,0,1,1", "encoder_ffn_map": "0,0,0,0"},
        "--encoder-layer-map 0,0,1,1 and --encoder-ffn-map are both given",
    ),
    "strategy too": (
        {**CYCLE_REV, "decoder_ffn_map": "0,0,0,0"},
        "--decoder-ffn-map 0,0,0,0 and --sharing-strategy cycle_rev are both given",
    ),
    "number too": (
        {"decoder_unique_layers": 2, "decoder_ffn_map": "0,0,0,0"},
        "--decoder-ffn-map 0,0,0,0 and --decoder-unique-layers 2 are both given",
    ),
    "names too": (
        {"share_sublayers": "ffn", "encoder_ffn_map": "0,0,0,0"},
        "--encoder-ffn-map 0,0,0,0 and --share-sublayers ffn are both given",
    ),
    "wrong length": ({"encoder_ffn_map": "0,0,0"}, "--encoder-ffn-map: layer map 0,0,0 has 3"),
    "wrong number": ({"decoder_self_attention_map": "0,2,0,0"}, "--decoder-self-attention-map: "),
    "a feed-forward that is not there": (
        {"no_decoder_ffn": True, "decoder_ffn_map": "0,0,0,0"},
        "--decoder-ffn-map 0,0,0,0: the decoder of this model has none; drop it",
    ),
    "two maps of one feed-forward": (
        {"decoder_encoder_ffn_map": "0,0,0,0", "decoder_ffn_map": "0,0,0,0"},
        "--decoder-ffn-map 0,0,0,0: the decoder of this model has none; drop it",
    ),
    "none and the encoder's": (
        {"no_decoder_ffn": True, "decoder_encoder_ffn_map": "0,0,0,0"},
        "--decoder-encoder-ffn-map 0,0,0,0: the decoder of this model has none; drop it",
    ),
    "a number that the encoder has not": (
        {"encoder_ffn_map": "0,0,1,1", "decoder_encoder_ffn_map": "0,0,1,2"},
        "--decoder-encoder-ffn-map 0,0,1,2: give a number for each of 4 decoder layers, from 0 to",
    ),
    "too few": (
        {"decoder_encoder_ffn_map": "0,0,1"},
        "--decoder-encoder-ffn-map 0,0,1: give a number for each of 4",
    ),
    "no number": ({"decoder_encoder_ffn_map": "0,0,1,x"}, "give whole numbers separated by"),
    "other widths inside": (
        {"decoder_encoder_ffn_map": "0,0,0,0", "decoder_ffn_embed_dim": 8},
        "--encoder-ffn-embed-dim 32 and --decoder-ffn-embed-dim 8 must be equal",
    ),
    "other widths": (
        {
            "decoder_encoder_ffn_map": "0,0,0,0",
            "decoder_embed_dim": 8,
            "share_all_embeddings": False,
        },
        "--encoder-embed-dim 16 and --decoder-embed-dim 8 must be equal",
    ),
    "no cross-attention": (
        {"no_cross_attention": True, "decoder_cross_attention_map": "0,0,0,0"},
        "--decoder-cross-attention-map 0,0,0,0: the decoder of this model has none; drop it",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(mistake):
    options, line = MISTAKES[mistake]
    with pytest.raises(SharingError) as error:
        tiny_model(**options)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_language_model_has_no_cross_attention_to_share():
    options = sharing_options("cycle", 2, DecoderOnlyConfig.sides)
    with pytest.raises(SharingError, match="cross_attention: this model has none; name others"):
        build("shared_transformer_lm", **options, share_sublayers="cross_attention")


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({**CYCLE_REV, "share_sublayers": "self_attention"}, True),
        ({"decoder_self_attention_map": "0,0,1,2"}, True),
        ({"encoder_self_attention_map": "0,0,1,2"}, False),
        ({**CYCLE_REV, "share_sublayers": "attention"}, False),
        (CYCLE_REV, False),
        ({}, False),
    ],
)
def test_a_decoder_that_shares_its_self_attention_alone_is_warned_of(options, warned, caplog):
    tiny_model(**options)
    assert ("arXiv 2309.01826" in caplog.text) == warned
