"""A decoder without feed-forwards as fairseq's own, whose feed-forwards add nothing.

Each gets one hidden unit and weights of zero. In a pre-norm stack it adds zero to its residual. In
a post-norm stack LN(0 + x) follows, where x = g * n + b comes from the norm before and n has mean 0
and variance 1 (but for the norm's epsilon): g and b move to the new norm, which gives the x that
there was up to a relative error of that epsilon, 1e-5.
"""

import torch

from .files import State
from .options import Options


def with_empty_ffn(state: State, options: Options) -> tuple[State, Options]:
    """State and options of the same model with a feed-forward in each decoder layer."""
    filled = dict(state)
    for layer in range(options["decoder_layers"]):
        prefix = f"decoder.layers.{layer}."
        across = f"{prefix}encoder_attn_layer_norm."
        before = across if f"{across}weight" in state else f"{prefix}self_attn_layer_norm."
        gain, bias = (state[f"{before}{name}"] for name in ("weight", "bias"))
        one, none = torch.ones_like(gain), torch.zeros_like(bias)
        empty = {
            "fc1.weight": none[None],
            "fc1.bias": none[:1],
            "fc2.weight": none[:, None],
            "fc2.bias": none,
            "final_layer_norm.weight": gain,
            "final_layer_norm.bias": bias,
        }
        filled |= {prefix + name: tensor for name, tensor in empty.items()}
        if not options.get("decoder_normalize_before"):
            filled |= {f"{before}weight": one, f"{before}bias": none}
    return filled, options | {"decoder_ffn_embed_dim": 1, "no_decoder_ffn": False}
