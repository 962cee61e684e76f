"""The options of shared models, and the layer maps they ask for."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import ClassVar, Optional

from fairseq.models.transformer.transformer_config import (
    DecoderConfig,
    EncDecBaseConfig,
    QuantNoiseConfig,
    TransformerConfig,
)
from fairseq.models.transformer_lm import TransformerLanguageModelConfig

from ..errors import SharingError
from .strategies import FIXED_UNIQUE, STRATEGIES, LayerMap, layer_map, parse_layer_map

SIDES = ("encoder", "decoder")
RESIDUAL_SCALINGS = ("none", "admin")

_UNIQUE_HELP = (
    "number of unique {} layers (M), from 1 to --{}-layers; needed by every strategy but "
    + " and ".join(FIXED_UNIQUE)
)
_MAP_HELP = (
    "explicit map of the {} instead of a strategy: for each stacked layer, bottom first, the "
    "number of the unique layer it uses, such as 0,1,2,2,1,0"
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
    decoder_layer_map: Optional[str] = field(  # noqa: UP045
        default=None, metadata={"help": _MAP_HELP.format("decoder")}
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
    encoder_layer_map: Optional[str] = field(  # noqa: UP045
        default=None, metadata={"help": _MAP_HELP.format("encoder")}
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


def _side_option(cfg: SharedTransformerConfig, side: str, name: str):
    """An option of one side: fairseq's config keeps ``encoder_NAME`` as ``encoder.NAME``."""
    return getattr(getattr(cfg, side), name, None)


def shares_layers(cfg: SharedTransformerConfig) -> bool:
    """Whether a strategy or a map is asked for; otherwise the model is fairseq's own."""
    return cfg.sharing_strategy != "none" or any(
        _side_option(cfg, side, "layer_map") is not None for side in cfg.sides
    )


def side_layer_map(cfg: SharedTransformerConfig, side: str) -> LayerMap:
    """The map of one side (``encoder`` or ``decoder``); SharingError names the flag at fault."""
    num_layers = _side_option(cfg, side, "layers")
    num_unique = _side_option(cfg, side, "unique_layers")
    explicit = _side_option(cfg, side, "layer_map")
    if explicit is None:
        flag = f"--sharing-strategy {cfg.sharing_strategy} with --{side}-layers {num_layers}"
        if num_unique is not None:
            flag += f" --{side}-unique-layers {num_unique}"
        elif cfg.sharing_strategy not in FIXED_UNIQUE:
            flag += f" and no --{side}-unique-layers"
        if num_unique is not None and cfg.sharing_strategy in FIXED_UNIQUE:
            raise SharingError(f"{flag}: this strategy takes no number of unique layers; drop it")
        try:
            return layer_map(cfg.sharing_strategy, num_layers, num_unique)
        except SharingError as error:
            raise SharingError(f"{flag}: {error}") from None
    if cfg.sharing_strategy != "none":
        raise SharingError(
            f"--{side}-layer-map {explicit} and --sharing-strategy {cfg.sharing_strategy} are both "
            "given; a map takes the place of a strategy, drop one of them"
        )
    if num_unique is not None:
        raise SharingError(
            f"--{side}-layer-map {explicit} and --{side}-unique-layers {num_unique} are both "
            "given; the map says how many unique layers there are, drop the number"
        )
    try:
        return parse_layer_map(explicit, num_layers)
    except SharingError as error:
        raise SharingError(f"--{side}-layer-map: {error}") from None
