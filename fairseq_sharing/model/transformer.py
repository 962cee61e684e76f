"""fairseq's transformer with layers that share parameters."""

from fairseq.models import register_model
from fairseq.models.transformer import (
    TransformerConfig,
    TransformerDecoderBase,
    TransformerEncoderBase,
    TransformerModelBase,
)
from fairseq.tasks.language_modeling import LanguageModelingTask
from torch import nn

from ..errors import SharingError
from .asked_maps import side_map
from .config import SharedTransformerConfig
from .cross_attention import CrossAttentions, projected_once
from .growing_layers import scriptable
from .layers import (
    ScaledDecoderLayer,
    ScaledEncoderLayer,
    SharedDecoderLayer,
    keep_dropout_names,
    wrapped,
)
from .own import parse_own
from .shared_model import SharedModel
from .tying import LayerStacker


class SharedTransformerEncoder(TransformerEncoderBase):
    """fairseq's encoder with its layers tied as ``side_map``, that of ``cfg``, says.

    Shapes and arguments are fairseq's.
    """

    def __init__(self, cfg, dictionary, embed_tokens, return_fc=False):
        self.side_map = side_map(cfg, "encoder")
        self._stacker = LayerStacker(self.side_map)
        super().__init__(cfg, dictionary, embed_tokens, return_fc)
        del self._stacker
        keep_dropout_names(self)

    def build_encoder_layer(self, cfg) -> nn.Module:
        """The next layer; fairseq's constructor calls this once for each, bottom first."""
        return self._stacker.add(lambda: self._build_layer(cfg))

    def _build_layer(self, cfg) -> nn.Module:
        if cfg.residual_scaling == "admin":
            return wrapped(ScaledEncoderLayer(cfg, self.return_fc), cfg)
        return super().build_encoder_layer(cfg)

    __prepare_scriptable__ = scriptable


class SharedTransformerDecoder(TransformerDecoderBase):
    """fairseq's decoder with its layers tied as ``side_map``, that of ``cfg``, says.

    Each stacked layer has a self-attention object, and with it a decoding cache, of its own. Those
    with the parameters of one cross-attention share it, unless ``--no-cross-attention-reuse`` or
    their projections differ by what is their own.
    Shapes and arguments are fairseq's.
    """

    def __init__(
        self, cfg, dictionary, embed_tokens, no_encoder_attn=False, output_projection=None
    ):
        self.side_map = side_map(cfg, "decoder")
        self._stacker = LayerStacker(self.side_map)
        across = self.side_map.sublayers.get("cross_attention", ())
        differ = parse_own(cfg.own, cfg.own_rank).projects
        reused = not (cfg.no_cross_attention_reuse or differ)
        self._attentions = CrossAttentions(across, reused=reused)
        super().__init__(cfg, dictionary, embed_tokens, no_encoder_attn, output_projection)
        del self._stacker, self._attentions
        keep_dropout_names(self)

    def __call__(self, *args, **kwargs):
        with projected_once():
            return super().__call__(*args, **kwargs)

    def build_decoder_layer(self, cfg, no_encoder_attn=False) -> nn.Module:
        """The next layer; fairseq's constructor calls this once for each, bottom first."""
        scaled = cfg.residual_scaling == "admin"
        kind = ScaledDecoderLayer if scaled else SharedDecoderLayer
        return self._stacker.add(lambda: wrapped(kind(cfg, no_encoder_attn, self._attentions), cfg))

    __prepare_scriptable__ = scriptable


@register_model("shared_transformer")
class SharedTransformerModel(SharedModel, TransformerModelBase):
    """Transformer of N stacked layers with M sets of parameters on each side.

    Takes fairseq's transformer options and those of SharedTransformerConfig. With strategy
    ``none`` and no map it is fairseq's ``transformer``. Otherwise its state dict holds every
    parameter once, under its first name, and the two maps.
    """

    config = options = SharedTransformerConfig
    unshared = "transformer"
    unshared_options = TransformerConfig

    @classmethod
    def build_model(cls, args, task) -> "SharedTransformerModel":
        if isinstance(task, LanguageModelingTask):
            raise SharingError(
                "--task language_modeling with a translation model; "
                "use --arch shared_transformer_lm, or --task translation"
            )
        return super().build_model(args, task)

    @classmethod
    def build_encoder(cls, cfg, src_dict, embed_tokens) -> SharedTransformerEncoder:
        return SharedTransformerEncoder(cfg, src_dict, embed_tokens)

    @classmethod
    def build_decoder(cls, cfg, tgt_dict, embed_tokens) -> SharedTransformerDecoder:
        return SharedTransformerDecoder(
            cfg, tgt_dict, embed_tokens, no_encoder_attn=cfg.no_cross_attention
        )
