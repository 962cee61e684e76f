"""Models that reuse the projections of cross-attention, and the same ones that do not."""

from support import sharing_options, tiny_model


def with_and_without(**options):
    """Two models with the same weights, the first reuses projections and the second does not."""
    shared = {**sharing_options("cycle_rev"), **options}
    return tiny_model(**shared), tiny_model(**shared, no_cross_attention_reuse=True)


def cross_attentions(model):
    return [layer.encoder_attn for layer in model.decoder.layers.children()]
