"""The options of shared models."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Optional

from fairseq.models.transformer.transformer_config import (
    DecoderConfig,
    EncDecBaseConfig,
    QuantNoiseConfig,
    TransformerConfig,
)
from fairseq.models.transformer_lm import TransformerLanguageModelConfig

from .own import KINDS
from .strategies import FIXED_UNIQUE, STRATEGIES
from .sublayers import GROUPS, SUBLAYERS, WHOLE

SIDES = ("encoder", "decoder")
RESIDUAL_SCALINGS = ("none", "admin")

_UNIQUE_HELP = (
    "number of unique {} layers (M), from 1 to --{}-layers; needed by every strategy but "
    + " and ".join(FIXED_UNIQUE)
)


def _map(what: str) -> Any:
    """An option that gives a map in full."""
    return field(
        default=None,
        metadata={
            "help": f"explicit map of the {what} instead of a strategy: for each stacked layer, "
            "bottom first, the number of the set of parameters it uses, such as 0,1,2,2,1,0"
        },
    )


# Options are typed with Optional, which is what fairseq's parser generator understands.
@dataclass
class DecoderSharing:
    """The options of sharing that every model has; the decoder is the side that all have."""

    sharing_strategy: str = field(
        default="none",
        metadata={"help": "which layers share parameters: one of " + ", ".join(STRATEGIES)},
    )
    decoder_unique_layers: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": _UNIQUE_HELP.format("decoder", "decoder")}
    )
    share_sublayers: str = field(
        default="all",
        metadata={
            "help": "which sublayers share, each with its norm; of the others every layer has its "
            "own: one or several, separated by commas, of " + ", ".join(GROUPS)
        },
    )
    decoder_layer_map: Optional[str] = _map("decoder")  # noqa: UP045
    decoder_self_attention_map: Optional[str] = _map("decoder's self-attention")  # noqa: UP045
    decoder_ffn_map: Optional[str] = _map("decoder's feed-forward")  # noqa: UP045
    own: str = field(
        default="none",
        metadata={
            "help": "what each layer keeps of its own where it shares a sublayer: none, or one or "
            "several, separated by commas, of " + ", ".join(KINDS)
        },
    )
    own_rank: Optional[int] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "add a trained low-rank matrix to each shared projection, of each layer's own, "
            "zero at the start: its rank, up to the width of the layers"
        },
    )
    residual_scaling: str = field(
        default="none",
        metadata={
            "help": "scale each residual connection by a trained vector that starts from what the "
            "first batch measures (admin, Liu et al. 2020; for post-norm), or do not: one of "
            + ", ".join(RESIDUAL_SCALINGS)
        },
    )
    grow_depth_at: Optional[str] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "begin with the M unique layers of each side and become N layers deep after so "
            "many updates: a number, or several for as many steps, such as 500,1000"
        },
    )


@dataclass
class SharedTransformerConfig(DecoderSharing, TransformerConfig):
    """fairseq's transformer options and those of sharing.

    An instance builds its own nested parts: some distributions of fairseq leave the classes
    themselves as defaults, so that setting an option of one model would set it for all.
    """

    encoder: EncDecBaseConfig = field(default_factory=EncDecBaseConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    quant_noise: QuantNoiseConfig = field(default_factory=QuantNoiseConfig)
    encoder_unique_layers: Optional[int] = field(  # noqa: UP045
        default=None, metadata={"help": _UNIQUE_HELP.format("encoder", "encoder")}
    )
    encoder_layer_map: Optional[str] = _map("encoder")  # noqa: UP045
    encoder_self_attention_map: Optional[str] = _map("encoder's self-attention")  # noqa: UP045
    encoder_ffn_map: Optional[str] = _map("encoder's feed-forward")  # noqa: UP045
    decoder_cross_attention_map: Optional[str] = _map("decoder's cross-attention")  # noqa: UP045
    decoder_encoder_ffn_map: Optional[str] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "let the decoder use the encoder's feed-forwards: for each of its layers, "
            "bottom first, the number of the one in the encoder's map, such as 0,0,0,0,0,0"
        },
    )
    no_decoder_ffn: bool = field(
        default=False, metadata={"help": "leave the feed-forwards of the decoder out"}
    )
    no_cross_attention_reuse: bool = field(
        default=False,
        metadata={
            "help": "project the encoder output to cross-attention keys and values in every "
            "decoder layer, not once for each unique one: the same results, slower"
        },
    )

    sides: ClassVar[tuple[str, ...]] = SIDES


class DecoderOnlyConfig(SharedTransformerConfig):
    """A language model's options in the nested form that fairseq's decoder is built from."""

    sides = ("decoder",)


@dataclass
class SharedLanguageModelConfig(DecoderSharing, TransformerLanguageModelConfig):
    """The options of fairseq's transformer_lm and those of sharing, as a command line has them."""


def option_names(config: type = SharedTransformerConfig) -> set[str]:
    """All options by their names on fairseq's command line: ``encoder_layers``, not nested."""
    names = set()
    for option in fields(config):
        if is_dataclass(option.type):
            names |= {f"{option.name}_{inner.name}" for inner in fields(option.type)}
        names.add(option.name)
    return names


MAP_OPTIONS = [
    name
    for side in SIDES
    for part in (WHOLE, *SUBLAYERS)
    if (name := f"{side}_{part}_map") in option_names()
]
"""The options that give a map in full, of both sides."""
