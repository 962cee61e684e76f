"""The maps that ``fairseq-sharing describe`` is asked about, the same on both sides."""

import argparse
from typing import Any

from ..errors import SharingError
from ..model.asked_maps import side_map
from ..model.own import KINDS
from ..model.strategies import FIXED_UNIQUE, STRATEGIES, LayerMap, layer_map, parse_layer_map
from ..model.sublayers import GROUPS, SideMap, in_words, parse_sublayers, sublayers_of
from .described import model_of, options_of

MOST_LAYERS = 1000


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``maps_of`` reads."""
    parser.add_argument("--strategy", help="one of " + ", ".join(STRATEGIES))
    parser.add_argument("--layers", type=int, metavar="N", help="stacked layers a side")
    parser.add_argument("--unique-layers", type=int, metavar="M", help="unique layers a side")
    parser.add_argument("--layer-map", metavar="MAP", help="explicit map, such as 0,1,1,0")
    parser.add_argument("--share-sublayers", metavar="NAMES", help="of " + ", ".join(GROUPS))
    for name in GROUPS["all"]:
        flag = f"--{name.replace('_', '-')}-map"
        parser.add_argument(flag, metavar="MAP", help=f"explicit map of the {in_words(name)}")
    parser.add_argument(
        "--ffn-across-sides", action="store_true", help="the decoder has the encoder's ffn"
    )
    parser.add_argument("--own", help="one or several of " + ", ".join(KINDS))
    parser.add_argument("--own-rank", type=int, metavar="R", help="rank of each layer's deltas")
    parser.add_argument("--no-decoder-ffn", action="store_true", help="the decoder has none")


def asked(args: argparse.Namespace, arch: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model options that the arguments stand for, and those of the same model unshared."""
    sides = model_of(arch).config.sides
    same = {
        "no_decoder_ffn": args.no_decoder_ffn or None,
        "own": args.own,
        "own_rank": args.own_rank,
    }
    of_preset = args.arch is not None and args.layer_map is None and not _in_full(args)
    if of_preset:
        given = same | {
            "sharing_strategy": args.strategy,
            "share_sublayers": args.share_sublayers,
            **{f"{side}_layers": args.layers for side in sides},
            **{f"{side}_unique_layers": args.unique_layers for side in sides},
        }
        config = model_of(arch).config.from_namespace(options_of(arch, _without_none(given)))
        depths = {f"{side}_layers": len(side_map(config, side)) for side in sides}
    else:
        maps = _maps_of(args, sides)
        depths = {f"{side}_layers": len(one) for side, one in maps.items()}
        given = same | depths
        given |= {k: v for side, one in maps.items() for k, v in one.options(side).items()}
    none = {"sharing_strategy": "none", "share_sublayers": "all", "own": "none", "own_rank": None}
    return _without_none(given), _without_none(same) | depths | none


def _without_none(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _in_full(args: argparse.Namespace) -> dict[str, str]:
    """The maps of sublayers that are given."""
    given = {name: getattr(args, f"{name}_map") for name in GROUPS["all"]}
    return {name: text for name, text in given.items() if text is not None}


def _maps_of(args: argparse.Namespace, sides: tuple[str, ...]) -> dict[str, SideMap]:
    """The map of each side; all have the same of the sublayers that they all have."""
    maps = _equal_maps(args, sides)
    ffn = "encoder_ffn" if args.ffn_across_sides else "ffn"
    if args.no_decoder_ffn and args.ffn_across_sides:
        raise SharingError("--no-decoder-ffn and --ffn-across-sides contradict; drop one of them")
    decoder = {
        ffn if name == "ffn" else name: layers
        for name, layers in maps["decoder"].sublayers.items()
        if name != "ffn" or not args.no_decoder_ffn
    }
    return maps | {"decoder": SideMap(decoder)}


def _equal_maps(args: argparse.Namespace, sides: tuple[str, ...]) -> dict[str, SideMap]:
    texts = _in_full(args)
    names = {side: sublayers_of(side, sides) for side in sides}
    if not texts:
        shared = parse_sublayers(args.share_sublayers or "all")
        return {side: SideMap.of(_layer_map(args), names[side], shared) for side in sides}
    others = (args.layer_map, args.strategy, args.unique_layers)
    if args.share_sublayers is not None or others != (None, None, None):
        raise SharingError(
            "maps of sublayers say what is shared; drop --layer-map, --strategy, --unique-layers "
            "and --share-sublayers"
        )
    depth = args.layers or max(text.count(",") + 1 for text in texts.values())
    maps = {name: parse_layer_map(text, depth) for name, text in texts.items()}
    own = tuple(range(depth))
    return {side: SideMap({name: maps.get(name, own) for name in names[side]}) for side in sides}


def _layer_map(args: argparse.Namespace) -> LayerMap:
    if args.layer_map is not None:
        if args.strategy is not None or args.unique_layers is not None:
            raise SharingError(
                f"--layer-map {args.layer_map} is given together with --strategy or "
                "--unique-layers; a map says both, drop the others"
            )
        return parse_layer_map(args.layer_map, args.layers)
    if args.layers is not None and args.layers > MOST_LAYERS:
        raise SharingError(f"--layers {args.layers}: must be at most {MOST_LAYERS:,}")
    if args.strategy is None or args.layers is None:
        raise SharingError("give --strategy and --layers, or --layer-map, or --arch")
    if args.strategy in FIXED_UNIQUE and args.unique_layers is not None:
        raise SharingError(
            f"--unique-layers {args.unique_layers}: strategy {args.strategy} takes no number of "
            "unique layers; drop it"
        )
    return layer_map(args.strategy, args.layers, args.unique_layers)
