"""fairseq's transformer with layers that share parameters."""

import argparse
import logging
from typing import Any

from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import register_model
from fairseq.models.transformer import (
    TransformerDecoderBase,
    TransformerEncoderBase,
    TransformerModelBase,
)
from torch import nn

from ..errors import SharingError
from .admin import ResidualProfile
from .checks import check_options
from .config import SIDES, SharedTransformerConfig, side_layer_map
from .cross_attention import CrossAttentions, projected_once
from .growing_layers import DepthGrowth, scriptable
from .growth import parse_schedule
from .layers import (
    ScaledDecoderLayer,
    ScaledEncoderLayer,
    SharedDecoderLayer,
    keep_dropout_names,
    wrapped,
)
from .state import load_refusal
from .state_hooks import keep_state_compact
from .strategies import LayerMap, format_layer_map, num_unique_layers
from .tying import LayerStacker, count_parameters

logger = logging.getLogger(__name__)


class SharedTransformerEncoder(TransformerEncoderBase):
    """fairseq's encoder with its layers tied as the map of ``cfg`` says.

    ``layer_map`` has one entry a stacked layer. Shapes and arguments are fairseq's.
    """

    def __init__(self, cfg, dictionary, embed_tokens, return_fc=False):
        self.layer_map = side_layer_map(cfg, "encoder")
        self._stacker = LayerStacker(self.layer_map)
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
    """fairseq's decoder with its layers tied as the map of ``cfg`` says.

    Each stacked layer has a self-attention object, and with it a decoding cache, of its own; those
    with the same parameters share one cross-attention, unless ``--no-cross-attention-reuse``.
    ``layer_map`` has one entry a stacked layer. Shapes and arguments are fairseq's.
    """

    def __init__(
        self, cfg, dictionary, embed_tokens, no_encoder_attn=False, output_projection=None
    ):
        self.layer_map = side_layer_map(cfg, "decoder")
        self._stacker = LayerStacker(self.layer_map)
        self._attentions = CrossAttentions(self.layer_map, reused=not cfg.no_cross_attention_reuse)
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
class SharedTransformerModel(TransformerModelBase):
    """Transformer of N stacked layers with M sets of parameters on each side.

    Takes fairseq's transformer options and those of SharedTransformerConfig. With strategy
    ``none`` and no map it is fairseq's ``transformer``. Otherwise its state dict holds every
    parameter once, under its first name, and the two maps.
    """

    __jit_unused_properties__ = ("layer_maps",)
    __prepare_scriptable__ = scriptable

    def __init__(self, cfg, encoder, decoder):
        super().__init__(cfg, encoder, decoder)
        self.residual_profile = None
        if cfg.residual_scaling == "admin":
            self.residual_profile = ResidualProfile({s: getattr(self, s).layers for s in SIDES})
        self.growth = None
        if cfg.grow_depth_at is not None:
            sides = {side: getattr(self, side) for side in SIDES}
            self.growth = DepthGrowth(sides, parse_schedule(cfg.grow_depth_at))
        keep_state_compact(self)

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options; defaults are left to the architecture and then to the dataclass."""
        gen_parser_from_dataclass(
            parser, SharedTransformerConfig(), delete_default=True, with_prefix=""
        )

    @classmethod
    def build_model(cls, args, task) -> "SharedTransformerModel":
        """The model for parsed arguments or a Hydra config; SharingError if options conflict."""
        cfg = SharedTransformerConfig.from_namespace(args)
        check_options(cfg)
        model = super().build_model(cfg, task)
        if not next(model.parameters()).is_meta:  # what has no weights is only looked at
            logger.info(model.sharing_summary())
            if model.growth:
                model.growth.warn_of_late_steps(getattr(args, "max_update", 0))
        return model

    @classmethod
    def build_encoder(cls, cfg, src_dict, embed_tokens) -> SharedTransformerEncoder:
        return SharedTransformerEncoder(cfg, src_dict, embed_tokens)

    @classmethod
    def build_decoder(cls, cfg, tgt_dict, embed_tokens) -> SharedTransformerDecoder:
        return SharedTransformerDecoder(
            cfg, tgt_dict, embed_tokens, no_encoder_attn=cfg.no_cross_attention
        )

    @property
    def layer_maps(self) -> dict[str, LayerMap]:
        """The map of each side."""
        return {side: getattr(self, side).layer_map for side in SIDES}

    def sharing_summary(self) -> str:
        """One line: both maps, stacked and unique depth, parameters counted once."""
        sides = "; ".join(
            f"{side} map {format_layer_map(layers)} "
            f"({len(layers)} layers, {num_unique_layers(layers)} unique)"
            for side, layers in self.layer_maps.items()
        )
        grows = f"; depth grows at {self.growth.schedule}" if self.growth else ""
        return f"sharing: {sides}; {count_parameters(self):,} parameters counted once{grows}"

    def set_num_updates(self, num_updates: int) -> None:
        """fairseq says how many updates were made before each of them."""
        super().set_num_updates(num_updates)
        if self.growth:
            self.growth.set_num_updates(num_updates)

    def load_state_dict(self, state_dict, strict=True, model_cfg=None, args=None, *, assign=False):
        """As fairseq's, which has no ``assign``: with it, the state's tensors become parameters.

        Raises SharingError, in one line, if the state is not of this model.
        """
        state = dict(state_dict)
        try:
            if not assign:
                return super().load_state_dict(state, strict, model_cfg, args)
            self.upgrade_state_dict(state)
            return nn.Module.load_state_dict(self, state, strict, assign=True)
        except RuntimeError as error:
            raise SharingError(load_refusal(error)) from error

    def upgrade_state_dict(self, state_dict: dict[str, Any]) -> None:
        """fairseq's upgrade of what older versions saved, in place."""
        for side in SIDES:  # fairseq's EMA leaves these out, and its upgrade then drops final norms
            state_dict.setdefault(f"{side}.version", getattr(self, side).version.clone())
        super().upgrade_state_dict(state_dict)
