"""The maps that a model's options ask for."""

from ..errors import SharingError
from . import sublayers
from .config import SharedTransformerConfig
from .strategies import (
    FIXED_UNIQUE,
    LayerMap,
    layer_map,
    num_unique_layers,
    parse_layer_map,
    parse_numbers,
)
from .sublayers import SUBLAYERS, WHOLE, SideMap, parse_sublayers


def _side_option(cfg: SharedTransformerConfig, side: str, name: str):
    """An option of one side: fairseq's config keeps ``encoder_NAME`` as ``encoder.NAME``."""
    return getattr(getattr(cfg, side), name, None)


def _explicit_maps(cfg: SharedTransformerConfig, side: str) -> dict[str, str]:
    """The maps that are given in full, by what they are of."""
    given = {part: _side_option(cfg, side, f"{part}_map") for part in (WHOLE, *SUBLAYERS)}
    return {part: text for part, text in given.items() if text is not None}


def shares_layers(cfg: SharedTransformerConfig) -> bool:
    """Whether a strategy or a map is asked for; otherwise the model is fairseq's own."""
    return cfg.sharing_strategy != "none" or any(_explicit_maps(cfg, side) for side in cfg.sides)


def sublayers_of(cfg: SharedTransformerConfig, side: str) -> tuple[str, ...]:
    """The sublayers that the layers of a side have."""
    names = dict.fromkeys(sublayers.sublayers_of(side, cfg.sides))
    if cfg.no_cross_attention:
        names.pop("cross_attention", None)
    if side == "decoder" and cfg.no_decoder_ffn:
        del names["ffn"]
    elif "encoder_ffn" in _explicit_maps(cfg, side):
        del names["ffn"]
        names["encoder_ffn"] = None
    return tuple(names)


def side_map(cfg: SharedTransformerConfig, side: str) -> SideMap:
    """The map of one side (``encoder`` or ``decoder``); SharingError names the flag at fault."""
    names, explicit = sublayers_of(cfg, side), _explicit_maps(cfg, side)
    if not explicit.keys() - {WHOLE}:
        return SideMap.of(_layer_map(cfg, side), names, parse_sublayers(cfg.share_sublayers))
    found = _maps_in_full(cfg, side, explicit)
    own = tuple(range(_side_option(cfg, side, "layers")))
    return SideMap({name: found.get(name, own) for name in names})


def _maps_in_full(
    cfg: SharedTransformerConfig, side: str, explicit: dict[str, str]
) -> dict[str, LayerMap]:
    """The maps of the sublayers that have one of their own."""
    found = {}
    for name, text in explicit.items():
        flag = _flag(side, name)
        if name == WHOLE:
            raise SharingError(
                f"{flag} {text} and {_flag(side, [*explicit][1])} are both given; the former is "
                "of all sublayers, drop it or give each a map of its own"
            )
        if name not in sublayers_of(cfg, side):
            raise SharingError(f"{flag} {text}: the {side} of this model has none; drop it")
        _check_alone(cfg, side, f"{flag} {text}")
        if cfg.share_sublayers != "all":
            raise SharingError(
                f"{flag} {text} and --share-sublayers {cfg.share_sublayers} are both given; "
                "a sublayer without a map shares nothing, drop the latter"
            )
        if name == "encoder_ffn":
            found[name] = _parsed_across(flag, text, cfg)
        else:
            found[name] = _parsed(flag, text, _side_option(cfg, side, "layers"))
    return found


def _parsed_across(flag: str, text: str, cfg: SharedTransformerConfig) -> LayerMap:
    """The numbers of the encoder's feed-forwards that the decoder's layers use."""
    there = num_unique_layers(side_map(cfg, "encoder").sublayers["ffn"])
    numbers = parse_numbers(text)
    if len(numbers) != cfg.decoder.layers or not set(numbers) <= set(range(there)):
        raise SharingError(
            f"{flag} {text}: give a number for each of {cfg.decoder.layers} decoder layers, from 0 "
            f"to {there - 1}: the encoder has so many sets of feed-forward parameters"
        )
    for name in ("embed_dim", "ffn_embed_dim"):
        here, other = getattr(cfg.decoder, name), getattr(cfg.encoder, name)
        if here != other:
            width = name.replace("_", "-")
            raise SharingError(
                f"{flag} {text}: --encoder-{width} {other} and --decoder-{width} {here} must be "
                "equal where the decoder uses the encoder's feed-forwards"
            )
    return numbers


def _layer_map(cfg: SharedTransformerConfig, side: str) -> LayerMap:
    """The map of the sublayers that share on a side."""
    num_layers = _side_option(cfg, side, "layers")
    num_unique = _side_option(cfg, side, "unique_layers")
    explicit = _side_option(cfg, side, "layer_map")
    if explicit is not None:
        _check_alone(cfg, side, f"--{side}-layer-map {explicit}")
        return _parsed(f"--{side}-layer-map", explicit, num_layers)
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


def _check_alone(cfg: SharedTransformerConfig, side: str, given: str) -> None:
    """Raise SharingError for a strategy or a number of unique layers beside an explicit map."""
    if cfg.sharing_strategy != "none":
        raise SharingError(
            f"{given} and --sharing-strategy {cfg.sharing_strategy} are both "
            "given; a map takes the place of a strategy, drop one of them"
        )
    num_unique = _side_option(cfg, side, "unique_layers")
    if num_unique is not None:
        raise SharingError(
            f"{given} and --{side}-unique-layers {num_unique} are both "
            "given; the map says how many unique layers there are, drop the number"
        )


def _parsed(flag: str, text: str, num_layers: int) -> LayerMap:
    try:
        return parse_layer_map(text, num_layers)
    except SharingError as error:
        raise SharingError(f"{flag}: {error}") from None


def _flag(side: str, part: str) -> str:
    return f"--{side}-{part.replace('_', '-')}-map"
