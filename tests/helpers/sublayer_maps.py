"""Options of tiny models whose sublayers have maps of their own, and their parameters counted."""

from support import sharing_options

from fairseq_sharing.model.strategies import num_unique_layers
from fairseq_sharing.model.sublayers import GROUPS

CYCLE_REV = sharing_options("cycle_rev", 2)
PARTS = {
    **{name: {**CYCLE_REV, "share_sublayers": name} for name in GROUPS},
    "two": {**CYCLE_REV, "share_sublayers": "self_attention,ffn"},
    "one side": {"encoder_layer_map": "0,0,1,1", "share_sublayers": "ffn"},
    "in full": {
        "encoder_self_attention_map": "0,1,2,0",
        "encoder_ffn_map": "0,0,0,0",
        "decoder_cross_attention_map": "0,1,0,1",
        "decoder_ffn_map": "0,1,1,2",
    },
    "across sides": {"encoder_ffn_map": "0,1,1,2", "decoder_encoder_ffn_map": "2,0,0,1"},
    "one for both sides": {
        "encoder_ffn_map": "0,0,0,0",
        "decoder_encoder_ffn_map": "0,0,0",
        "decoder_layers": 3,
    },
    "one wide": {
        **sharing_options("universal"),
        "share_sublayers": "ffn",
        "no_decoder_ffn": True,
        "encoder_ffn_embed_dim": 64,
    },
    "no decoder ffn": {"no_decoder_ffn": True},
}
SIZES = {
    "self_attention": 4 * (16 * 16 + 16) + 2 * 16,
    "cross_attention": 4 * (16 * 16 + 16) + 2 * 16,
    "ffn": 2 * 16 * 32 + 32 + 16 + 2 * 16,
}
"""Parameters of a sublayer and its norm in a tiny model."""
EMBEDDINGS = 40 * 16


def counted(model):
    """What it should have by its maps."""
    return sum(
        num_unique_layers(layers) * SIZES[name]
        for side_map in model.maps.values()
        for name, layers in side_map.sublayers.items()
        if name != "encoder_ffn"
    )
