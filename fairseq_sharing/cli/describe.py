"""``fairseq-sharing describe``: a map drawn, its parameters and its cost."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SharingError
from ..model.growth import Schedule, parse_schedule
from ..model.sublayers import in_words
from .describe_maps import add_map_options, asked
from .described import describe, options_of, translates

LEAST = {"embed_dim": 1, "ffn_dim": 1, "heads": 1, "length": 1, "vocabulary": 5}
"""The smallest sizes; a vocabulary has fairseq's 4 symbols and a word."""

MOST = 10_000_000
DEFAULT_ARCH = "shared_transformer"
VOCABULARY, WIKITEXT = 32_768, 267_744
"""Entries of a joined dictionary of translation, and of that of WikiText-103."""

COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "describe",
        description="Draw the map of a strategy and say what the model costs.",
        epilog="Example: fairseq-sharing describe --strategy cycle_rev --layers 12 "
        "--unique-layers 6",
    )
    parser.add_argument(
        "--arch",
        metavar="PRESET",
        help="as of fairseq-train, which says what is not given here; default: "
        f"{DEFAULT_ARCH}, with the strategy and layers given. Language models have no encoder",
    )
    add_map_options(parser)
    parser.add_argument("--embed-dim", type=int, metavar="D", help="default 512, or --arch's")
    parser.add_argument("--ffn-dim", type=int, metavar="F", help="default 2048, or --arch's")
    parser.add_argument("--heads", type=int, help="attention heads; default 8, or --arch's")
    parser.add_argument(
        "--vocabulary",
        type=int,
        metavar="V",
        help=f"dictionary size; default {VOCABULARY}, of language models {WIKITEXT}",
    )
    parser.add_argument(
        "--separate-embeddings",
        action="store_true",
        help="source, target and output embeddings of their own instead of one joined table",
    )
    parser.add_argument(
        "--length", type=int, default=25, help="tokens of a sentence or sample; default 25"
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
    arch = args.arch or DEFAULT_ARCH
    if args.vocabulary is None:
        args.vocabulary = VOCABULARY if translates(arch) else WIKITEXT
    sizes = _sizes(args, arch)
    options, unshared = (options_of(arch, each, **sizes) for each in asked(args, arch))
    facts = describe(options, unshared, args.vocabulary, args.length, *growth)
    if args.json:
        print(json.dumps(facts))
    else:
        _show(facts, Console())


def _sizes(args: argparse.Namespace, arch: str) -> dict[str, Any]:
    """The sizes that are given, as ``options_of`` takes them."""
    for name, least in LEAST.items():
        value = getattr(args, name)
        if value is not None and not least <= value <= MOST:
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"{flag} {value}: must be from {least} to {MOST:,}")
    if args.separate_embeddings and not translates(arch):
        raise SharingError(
            f"--separate-embeddings: --arch {arch} is a language model, whose preset says what "
            "embeddings share; drop it"
        )
    return {
        "separate": args.separate_embeddings,
        "embed_dim": args.embed_dim,
        "ffn_embed_dim": args.ffn_dim,
        "attention_heads": args.heads,
    }


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


def _rows(maps: dict[str, dict[str, list[int]]]) -> Iterator[tuple[str, bool, list[int]]]:
    """What is drawn: each map with its name and whether it is that of all sides."""
    first = next(iter(maps))
    for side, parts in maps.items():
        for part, layers in parts.items():
            everywhere = all(others.get(part) == layers for others in maps.values())
            name = in_words(part)
            if not everywhere and part != "cross_attention":
                name = f"{side} {name}".strip()
            if not everywhere or side == first:
                yield name, everywhere, layers


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
    several = len(facts["sides"]) > 1
    of_each, token = (" a side", "target token") if several else ("", "token")
    rows = list(_rows(facts["maps"]))
    for name, _, layers in rows:
        table.add_row(f"{name or 'map'}, input first", _drawing(layers))
    table.add_row("stacked layers (N)", f"{facts['layers']}{of_each}")
    for name, everywhere, layers in rows:
        unique = f"{len(set(layers))}{of_each * everywhere}"
        table.add_row(f"unique {name or 'layers'} (M)", unique)
    if facts["own"] != "none":
        table.add_row("each layer's own", facts["own"])
    table.add_row("parameters", f"{facts['parameters']:,}")
    table.add_row("unshared, same depth", f"{facts['parameters_unshared']:,} ({saved:.0%} saved)")
    grown = ", mean over the training" if facts["grow_depth_at"] else ""
    table.add_row(
        "multiply-adds", f"{facts['multiply_adds_per_target_token']:,} per {token}{grown}"
    )
    table.add_row(
        "predicted speed",
        f"x{facts['predicted_relative_speed']:.2f} of N = M = {facts['unique_layers']} in training",
    )
    console.print(table)
