"""``fairseq-sharing checkpoint``: one subcommand for each tool that works on checkpoint files."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from ..checkpoint.average import PATTERNS, average, last_checkpoints
from ..checkpoint.contents import UNSHARED, Checkpoint
from ..checkpoint.files import check_output, write_checkpoint
from ..checkpoint.inspect import inspect
from ..checkpoint.share import INITS, share
from ..checkpoint.strip import DTYPES, strip
from ..checkpoint.unroll import unroll
from ..config import SIDES
from ..errors import SharingError
from ..strategies import STRATEGIES, format_layer_map


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "checkpoint",
        help="inspect, average, strip, unroll, share or convert checkpoints",
        description="Tools for checkpoint files. Inputs are never changed; nothing in them is run.",
        epilog="Example: fairseq-sharing checkpoint inspect checkpoints/checkpoint_best.pt",
    )
    tools = parser.add_subparsers(required=True, metavar="TOOL")
    _add_inspect(tools)
    _add_average(tools)
    _add_strip(tools)
    _add_unroll(tools)
    _add_share(tools)


def _tool(tools: Any, name: str, help: str, example: str, run) -> argparse.ArgumentParser:
    epilog = f"Example: fairseq-sharing checkpoint {name} {example}"
    parser = tools.add_parser(name, help=help, description=help, epilog=epilog)
    parser.set_defaults(run=run)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace the output if it exists")


def _add_inspect(tools: Any) -> None:
    parser = _tool(
        tools,
        "inspect",
        "say what a checkpoint holds and what its bytes are spent on",
        "checkpoints/checkpoint_best.pt --json",
        _inspect,
    )
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def _inspect(args: argparse.Namespace) -> None:
    facts = inspect(Checkpoint.read(args.input))
    if args.json:
        print(json.dumps(facts))
    else:
        _show(facts, Console())


def _show(facts: dict[str, Any], console: Console) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("architecture", facts["architecture"])
    for side, layers in facts["sides"].items():
        depth = f"{layers['layers']} layers, {layers['unique_layers']} unique"
        table.add_row(f"{side} map", f"{format_layer_map(layers['layer_map'])} ({depth})")
    table.add_row("parameters", f"{facts['parameters']:,}")
    table.add_row("unshared, same depth", f"{facts['parameters_unshared']:,}")
    table.add_row("residual scaling", facts["residual_scaling"])
    table.add_row("updates", f"{facts['updates']:,}")
    table.add_row("validation score", f"{facts['validation_score']}")
    table.add_row("best so far", f"{facts['best_validation_score']}")
    table.add_row("precision", ", ".join(facts["precision"]))
    for part, size in facts["bytes"].items():
        table.add_row("size on disk" if part == "file" else f"  {part}", decimal(size))
    console.print(table)


def _add_average(tools: Any) -> None:
    parser = _tool(
        tools,
        "average",
        "average the weights of several checkpoints of one model",
        "checkpoints --last-epochs 10 --output averaged.pt",
        _average,
    )
    parser.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="checkpoint files, or with --last-* the folder that fairseq-train saved to",
    )
    for kind in PATTERNS:
        parser.add_argument(
            f"--last-{kind}",
            type=int,
            metavar="N",
            help=f"the N newest of those that were saved by {kind}",
        )
    _add_output(parser)


def _average(args: argparse.Namespace) -> None:
    check_output(args.output, args.force)
    paths = args.inputs
    counts = {kind: getattr(args, f"last_{kind}") for kind in PATTERNS}
    asked = {kind: count for kind, count in counts.items() if count is not None}
    if asked:
        if len(asked) > 1 or len(paths) > 1:
            raise SharingError("give one folder with one of --last-epochs and --last-updates")
        paths = last_checkpoints(paths[0], *asked.popitem())
    write_checkpoint(average(paths), args.output, args.force)
    print(f"{args.output}: the mean of {', '.join(path.name for path in paths)}")


def _add_strip(tools: Any) -> None:
    parser = _tool(
        tools,
        "strip",
        "keep what inference needs: no optimizer, EMA or metrics",
        "checkpoints/checkpoint_best.pt --dtype fp16 --output model.pt",
        _strip,
    )
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument("--dtype", choices=DTYPES, help="cast the weights; default: as they are")
    _add_output(parser)


def _strip(args: argparse.Namespace) -> None:
    check_output(args.output, args.force)
    write_checkpoint(strip(Checkpoint.read(args.input), args.dtype), args.output, args.force)
    _say_sizes(args)


def _add_unroll(tools: Any) -> None:
    parser = _tool(
        tools,
        "unroll",
        "make a plain fairseq transformer of N real layers, which needs no plugin",
        "checkpoints/checkpoint_best.pt --output plain.pt",
        _unroll,
    )
    parser.add_argument("input", type=Path, metavar="FILE")
    _add_output(parser)


def _unroll(args: argparse.Namespace) -> None:
    check_output(args.output, args.force)
    checkpoint = Checkpoint.read(args.input)
    write_checkpoint(unroll(checkpoint), args.output, args.force)
    _say_sizes(args)
    if checkpoint.options().get("residual_scaling", "none") != "none":
        print("residual vectors are folded into the weights and embeddings around them")


def _add_share(tools: Any) -> None:
    parser = _tool(
        tools,
        "share",
        "tie layers of an unshared checkpoint, to fine-tune from with --finetune-from-model",
        "plain.pt --sharing-strategy cycle --encoder-unique-layers 3 --decoder-unique-layers 3 "
        "--init mean --output shared.pt",
        _share,
    )
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument(
        "--sharing-strategy", default="none", help="one of " + ", ".join(STRATEGIES)
    )
    for side in SIDES:
        parser.add_argument(f"--{side}-unique-layers", type=int, metavar="M")
        parser.add_argument(f"--{side}-layer-map", metavar="MAP", help="such as 0,1,1,0")
    parser.add_argument(
        "--init", choices=INITS, default="mean", help="which layer of a group; default mean"
    )
    _add_output(parser)


def _share(args: argparse.Namespace) -> None:
    check_output(args.output, args.force)
    sharing = {name: getattr(args, name) for name in UNSHARED}
    if sharing == UNSHARED:
        raise SharingError("nothing to share: give --sharing-strategy, or a layer map of a side")
    content, distances = share(Checkpoint.read(args.input), args.init, **sharing)
    write_checkpoint(content, args.output, args.force)
    _say_sizes(args)
    table = Table("side", "layer", "uses", "was apart by", box=None, padding=(0, 2, 0, 0))
    for distance in distances:
        where = (distance.side, str(distance.layer), str(distance.unique))
        table.add_row(*where, f"{distance.relative:.1%}")
    Console().print(table)


def _say_sizes(args: argparse.Namespace) -> None:
    before, after = (decimal(path.stat().st_size) for path in (args.input, args.output))
    print(f"{args.output}: {after} (from {before})")
