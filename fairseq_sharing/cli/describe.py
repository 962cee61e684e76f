"""``fairseq-sharing describe``: a map drawn, its parameters and its cost."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SharingError
from ..model.cost import Sizes, multiply_adds, multiply_adds_over, weightless_model
from ..model.growth import NEVER, Schedule, parse_schedule, running_map
from ..model.strategies import num_unique_layers
from ..model.sublayers import SideMap, in_words
from ..model.tying import count_parameters
from .describe_maps import add_map_options, maps_of

LEAST = {"embed_dim": 1, "ffn_dim": 1, "heads": 1, "length": 1, "vocabulary": 5}
"""The smallest sizes; a vocabulary has fairseq's 4 symbols and a word."""

MOST = 10_000_000
COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "describe",
        description="Draw the map of a strategy and say what the model costs.",
        epilog="Example: fairseq-sharing describe --strategy cycle_rev --layers 12 "
        "--unique-layers 6",
    )
    add_map_options(parser)
    parser.add_argument("--embed-dim", type=int, default=512, metavar="D", help="default 512")
    parser.add_argument("--ffn-dim", type=int, default=2048, metavar="F", help="default 2048")
    parser.add_argument("--heads", type=int, default=8, help="attention heads; default 8")
    parser.add_argument(
        "--vocabulary", type=int, default=32768, metavar="V", help="dictionary size; default 32768"
    )
    parser.add_argument(
        "--separate-embeddings",
        action="store_true",
        help="source, target and output embeddings of their own instead of one joined table",
    )
    parser.add_argument(
        "--length", type=int, default=25, help="tokens a sentence, for attention; default 25"
    )
    parser.add_argument(
        "--grow-depth-at", metavar="U[,U...]", help="as of fairseq-train, with --max-update"
    )
    parser.add_argument(
        "--max-update", type=int, metavar="U", help="updates of a training whose depth grows"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    growth = _growth(args)
    options = {name: getattr(args, name) for name in ("no_decoder_ffn", "own", "own_rank")}
    facts = describe(maps_of(args), _sizes(args), args.length, *growth, **options)
    if args.json:
        print(json.dumps(facts))
    else:
        _show(facts, Console())


def _sizes(args: argparse.Namespace) -> Sizes:
    for name, least in LEAST.items():
        if not least <= getattr(args, name) <= MOST:
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"{flag} {getattr(args, name)}: must be from {least} to {MOST:,}")
    if args.embed_dim % args.heads:
        raise SharingError(
            f"--embed-dim {args.embed_dim} must be a multiple of --heads {args.heads}"
        )
    return Sizes(
        args.embed_dim, args.ffn_dim, args.heads, args.vocabulary, not args.separate_embeddings
    )


def _growth(args: argparse.Namespace) -> tuple[Schedule, int]:
    """The schedule and the updates of the training; without growth, none and one."""
    schedule = parse_schedule(args.grow_depth_at)
    if schedule.steps and (args.max_update or 0) <= schedule.steps[-1]:
        raise SharingError(
            f"--grow-depth-at {schedule} needs a greater --max-update, got {args.max_update}: "
            "what a training costs depends on how long it is at each depth"
        )
    return schedule, args.max_update if schedule.steps else 1


def describe(
    maps: Mapping[str, SideMap],
    sizes: Sizes,
    length: int = 25,
    schedule: Schedule = NEVER,
    max_update: int = 1,
    **options: Any,
) -> dict[str, Any]:
    """The facts of a model whose sides have these ``maps``, as ``--json`` prints them.

    ``options`` are further ones of the model. Multiply-adds are the mean over ``max_update``
    updates, in which its depth follows ``schedule``.
    """
    options |= {f"{side}_layers": len(side_map) for side, side_map in maps.items()}
    asked = {k: v for side, side_map in maps.items() for k, v in side_map.options(side).items()}
    shared = weightless_model(sizes, **options, **asked)
    unshared = weightless_model(sizes, **options | {"own": "none", "own_rank": None})
    operations = multiply_adds_over(sizes, maps, length, schedule, max_update, shared.own)
    layers = maps["decoder"].layers
    unique = num_unique_layers(layers)
    shallow = {k: running_map(one, num_unique_layers(one.layers)) for k, one in maps.items()}
    return {
        "layer_map": list(layers),
        "maps": {
            side: {part: list(one) for part, one in side_map.parts.items()}
            for side, side_map in maps.items()
        },
        "layers": len(layers),
        "unique_layers": unique,
        "parameters": count_parameters(shared),
        "parameters_unshared": count_parameters(unshared),
        "multiply_adds_per_target_token": round(operations),
        "predicted_relative_speed": multiply_adds(sizes, shallow, length) / operations,
        "own": str(shared.own),
        "sentence_length": length,
        "grow_depth_at": list(schedule.steps),
    }


def _rows(maps: dict[str, dict[str, list[int]]]) -> Iterator[tuple[str, bool, list[int]]]:
    """What is drawn: each map with its name and whether it is that of both sides."""
    for side, parts in maps.items():
        for part, layers in parts.items():
            both = all(others.get(part) == layers for others in maps.values())
            name = in_words(part)
            if not both and part != "cross_attention":
                name = f"{side} {name}".strip()
            if not both or side == "encoder":
                yield name, both, layers


def _drawing(layers: list[int]) -> Text:
    """A box for each layer, bottom first, with the number of its unique layer."""
    drawing = Text()
    for entry in layers:
        drawing.append(f" {entry} ", style=f"bold reverse {COLOURS[entry % len(COLOURS)]}")
        drawing.append(" ")
    return drawing


def _show(facts: dict[str, Any], console: Console) -> None:
    saved = 1 - facts["parameters"] / facts["parameters_unshared"]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = list(_rows(facts["maps"]))
    for name, _, layers in rows:
        table.add_row(f"{name or 'map'}, input first", _drawing(layers))
    table.add_row("stacked layers (N)", f"{facts['layers']} a side")
    for name, both, layers in rows:
        table.add_row(f"unique {name or 'layers'} (M)", f"{len(set(layers))}{' a side' * both}")
    if facts["own"] != "none":
        table.add_row("each layer's own", facts["own"])
    table.add_row("parameters", f"{facts['parameters']:,}")
    table.add_row("unshared, same depth", f"{facts['parameters_unshared']:,} ({saved:.0%} saved)")
    grown = ", mean over the training" if facts["grow_depth_at"] else ""
    table.add_row(
        "multiply-adds", f"{facts['multiply_adds_per_target_token']:,} per target token{grown}"
    )
    table.add_row(
        "predicted speed",
        f"x{facts['predicted_relative_speed']:.2f} of N = M = {facts['unique_layers']} in training",
    )
    console.print(table)
