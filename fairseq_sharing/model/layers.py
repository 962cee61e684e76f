"""fairseq's layers, with what the method changes of them: cross-attention and residuals."""

from collections.abc import Callable

import torch
from fairseq.distributed import fsdp_wrap
from fairseq.models.transformer import transformer_decoder, transformer_encoder
from fairseq.modules import MultiheadAttention
from fairseq.modules.checkpoint_activations import checkpoint_wrapper
from fairseq.modules.fairseq_dropout import FairseqDropout
from fairseq.modules.transformer_layer import (
    TransformerDecoderLayerBase,
    TransformerEncoderLayerBase,
)
from torch import Tensor, nn

from .cross_attention import CrossAttentions

_PACKAGE = __package__.partition(".")[0]


class _Nothing(nn.Module):
    """What a feed-forward adds that is not there, from its first half: one zero."""

    def forward(self, x: Tensor) -> Tensor:
        """(1,), for x of any shape."""
        return x.new_zeros(1)


class SharedDecoderLayer(TransformerDecoderLayerBase):
    """A decoder layer whose cross-attention ``attentions`` chooses; maybe without feed-forward."""

    without_ffn: type[nn.Module] = nn.Identity
    """What takes the place of the norm of a feed-forward that is not there."""

    def __init__(self, cfg, no_encoder_attn: bool, attentions: CrossAttentions) -> None:
        self._attentions, self._has_ffn = attentions, not cfg.no_decoder_ffn
        super().__init__(cfg, no_encoder_attn)
        if cfg.no_decoder_ffn:
            self.final_layer_norm = self.without_ffn()
        del self._attentions, self._has_ffn

    def build_fc1(self, *sizes) -> nn.Module:
        return super().build_fc1(*sizes) if self._has_ffn else _Nothing()

    def build_fc2(self, *sizes) -> nn.Module:
        return super().build_fc2(*sizes) if self._has_ffn else nn.Identity()

    def build_encoder_attention(self, embed_dim, cfg) -> MultiheadAttention:
        def build(kind: Callable[..., MultiheadAttention]) -> MultiheadAttention:
            return kind(
                embed_dim,
                cfg.decoder.attention_heads,
                kdim=cfg.encoder.embed_dim,
                vdim=cfg.encoder.embed_dim,
                dropout=cfg.attention_dropout,
                encoder_decoder_attention=True,
                q_noise=self.quant_noise,
                qn_block_size=self.quant_noise_block_size,
                xformers_att_config=cfg.encoder.xformers_att_config,
            )

        return self._attentions.of_next_layer(build)


class _HandsOver:
    """A layer that leaves the sum of a residual connection to the norm after it."""

    def residual_connection(self, x: Tensor, residual: Tensor):
        """Both terms, for the norm to add."""
        if torch.jit.is_scripting():
            return torch.stack((x.expand_as(residual), residual))
        else:  # TorchScript compiles only the branch above, where a layer's x must stay a tensor
            return x, residual


class ScaledEncoderLayer(_HandsOver, TransformerEncoderLayerBase):
    """An encoder layer of ``--residual-scaling admin``."""


class _TakesResidual(nn.Module):
    """In the place of a norm: the residual of the pair that is handed over."""

    def forward(self, pair):
        return pair[1]


class ScaledDecoderLayer(_HandsOver, SharedDecoderLayer):
    """A decoder layer of ``--residual-scaling admin``."""

    without_ffn = _TakesResidual


def wrapped(layer: nn.Module, cfg) -> nn.Module:
    """``layer`` as fairseq wraps those that it builds itself."""
    if cfg.checkpoint_activations:
        layer = checkpoint_wrapper(layer, offload_to_cpu=cfg.offload_activations)
    least = 0 if cfg.checkpoint_activations else cfg.min_params_to_wrap
    return fsdp_wrap(layer, min_num_params=least)


def keep_dropout_names(side: nn.Module) -> None:
    """Name dropouts after fairseq's own classes, whose names ``--retain-dropout-modules`` takes."""
    for module in side.modules():
        bases = type(module).__mro__
        theirs = next(base for base in bases if base.__module__.split(".")[0] != _PACKAGE)
        name = transformer_encoder.module_name_fordropout(theirs.__name__)
        name = transformer_decoder.module_name_fordropout(name)
        for child in module.children():
            if isinstance(child, FairseqDropout):
                child.module_name = name
