"""``fairseq-sharing describe``: a map drawn, its parameters and its cost."""

import argparse
import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SharingError
from ..model.cost import Sizes, multiply_adds, multiply_adds_over, weightless_model
from ..model.growth import NEVER, Schedule, parse_schedule
from ..model.strategies import (
    FIXED_UNIQUE,
    STRATEGIES,
    LayerMap,
    format_layer_map,
    layer_map,
    num_unique_layers,
    parse_layer_map,
)
from ..model.tying import count_parameters

LEAST = {"embed_dim": 1, "ffn_dim": 1, "heads": 1, "length": 1, "vocabulary": 5}
"""The smallest sizes; a vocabulary has fairseq's 4 symbols and a word."""

MOST, MOST_LAYERS = 10_000_000, 1000
COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "describe",
        description="Draw the map of a strategy and say what the model costs.",
        epilog="Example: fairseq-sharing describe --strategy cycle_rev --layers 12 "
        "--unique-layers 6",
    )
    parser.add_argument("--strategy", help="one of " + ", ".join(STRATEGIES))
    parser.add_argument("--layers", type=int, metavar="N", help="stacked layers a side")
    parser.add_argument("--unique-layers", type=int, metavar="M", help="unique layers a side")
    parser.add_argument("--layer-map", metavar="MAP", help="explicit map, such as 0,1,1,0")
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
    facts = describe(_map(args), _sizes(args), args.length, *growth)
    if args.json:
        print(json.dumps(facts))
    else:
        _show(facts, Console())


def _map(args: argparse.Namespace) -> LayerMap:
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
        raise SharingError("give --strategy and --layers, or --layer-map")
    if args.strategy in FIXED_UNIQUE and args.unique_layers is not None:
        raise SharingError(
            f"--unique-layers {args.unique_layers}: strategy {args.strategy} takes no number of "
            "unique layers; drop it"
        )
    return layer_map(args.strategy, args.layers, args.unique_layers)


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
            f"--grow-depth-at {schedule} needs a greater --max-update, got "
            f"{args.max_update or 'none'}: what a training costs depends on how long it is at each "
            "depth"
        )
    return schedule, args.max_update if schedule.steps else 1


def describe(
    layers: LayerMap,
    sizes: Sizes,
    length: int = 25,
    schedule: Schedule = NEVER,
    max_update: int = 1,
) -> dict[str, Any]:
    """The facts of a model with the map ``layers`` on both sides, as ``--json`` prints them.

    Multiply-adds are the mean over ``max_update`` updates, in which its depth follows ``schedule``.
    """
    depth, unique = len(layers), num_unique_layers(layers)
    text = format_layer_map(layers)
    shared = weightless_model(
        sizes,
        encoder_layers=depth,
        decoder_layers=depth,
        encoder_layer_map=text,
        decoder_layer_map=text,
    )
    unshared = weightless_model(sizes, encoder_layers=depth, decoder_layers=depth)
    operations = round(multiply_adds_over(sizes, (layers, layers), length, schedule, max_update))
    shallow = tuple(range(unique))
    return {
        "layer_map": list(layers),
        "layers": depth,
        "unique_layers": unique,
        "parameters": count_parameters(shared),
        "parameters_unshared": count_parameters(unshared),
        "multiply_adds_per_target_token": operations,
        "predicted_relative_speed": multiply_adds(sizes, shallow, shallow, length) / operations,
        "sentence_length": length,
        "grow_depth_at": list(schedule.steps),
    }


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
    table.add_row("map, input first", _drawing(facts["layer_map"]))
    table.add_row("stacked layers (N)", f"{facts['layers']} a side")
    table.add_row("unique layers (M)", f"{facts['unique_layers']} a side")
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
