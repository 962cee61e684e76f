"""``fairseq-sharing checkpoint``: one subcommand for each tool that works on checkpoint files."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from ..checkpoint.average import PATTERNS, average, last_checkpoints
from ..checkpoint.contents import UNSHARED, Checkpoint
from ..checkpoint.files import Content, check_output, write_checkpoint
from ..checkpoint.from_authors import from_authors
from ..checkpoint.share import INITS, share
from ..checkpoint.strip import DTYPES, strip
from ..checkpoint.unroll import unroll
from ..errors import SharingError
from ..model.config import MAP_OPTIONS, SIDES
from ..model.own import KINDS
from ..model.strategies import STRATEGIES
from ..model.sublayers import GROUPS
from . import checkpoint_inspect as inspect_checkpoint

OWN_HELP = "what a layer keeps of its own, separated by commas, of " + ", ".join(KINDS)
SUBLAYERS_HELP = "those that share, separated by commas, of " + ", ".join(GROUPS)

Conversion = Callable[[Checkpoint, argparse.Namespace], Content]


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "checkpoint",
        description="Tools for checkpoint files. Inputs are never changed; nothing in them is run.",
        epilog="Example: fairseq-sharing checkpoint inspect checkpoints/checkpoint_best.pt",
    )
    tools = parser.add_subparsers(required=True, metavar="TOOL")
    inspect_checkpoint.add_parser(tools)
    _add_average(tools)
    _add_strip(tools)
    _add_conversion(
        tools,
        "unroll",
        "make a plain fairseq model of N real layers, which needs no plugin",
        "checkpoints/checkpoint_best.pt --output plain.pt",
        lambda checkpoint, _: unroll(checkpoint),
    )
    _add_share(tools)
    _add_from_authors(tools)


def _add_writer(
    tools: Any, name: str, help: str, example: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """A tool that writes one checkpoint."""
    epilog = f"Example: fairseq-sharing checkpoint {name} {example}"
    parser = tools.add_parser(name, help=help, description=help, epilog=epilog)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace the output if it exists")
    parser.set_defaults(run=run)
    return parser


def _add_conversion(
    tools: Any, name: str, help: str, example: str, convert: Conversion
) -> argparse.ArgumentParser:
    """A tool that makes one checkpoint of another."""

    def run(args: argparse.Namespace) -> None:
        check_output(args.output, args.force)
        write_checkpoint(convert(Checkpoint.read(args.input), args), args.output, args.force)
        before, after = (decimal(path.stat().st_size) for path in (args.input, args.output))
        print(f"{args.output}: {after} (from {before})")

    parser = _add_writer(tools, name, help, example, run)
    parser.add_argument("input", type=Path, metavar="FILE")
    return parser


def _add_average(tools: Any) -> None:
    parser = _add_writer(
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


def _average(args: argparse.Namespace) -> None:
    check_output(args.output, args.force)
    paths = args.inputs
    counts = {kind: getattr(args, f"last_{kind}") for kind in PATTERNS}
    asked = {kind: count for kind, count in counts.items() if count is not None}
    if asked:
        if len(asked) > 1 or len(paths) > 1:
            raise SharingError("give one folder with one of --last-epochs and --last-updates")
        paths = last_checkpoints(paths[0], *asked.popitem())
    for path in paths:
        if path.is_dir():
            raise SharingError(f"{path} is a folder; give --last-epochs N or --last-updates N, too")
    write_checkpoint(average(paths), args.output, args.force)
    print(f"{args.output}: the mean of {', '.join(path.name for path in paths)}")


def _add_strip(tools: Any) -> None:
    parser = _add_conversion(
        tools,
        "strip",
        "keep what inference needs: no optimizer, EMA or metrics",
        "checkpoints/checkpoint_best.pt --dtype fp16 --output model.pt",
        lambda checkpoint, args: strip(checkpoint, args.dtype),
    )
    parser.add_argument("--dtype", choices=DTYPES, help="cast the weights; default: as they are")


def _add_share(tools: Any) -> None:
    parser = _add_conversion(
        tools,
        "share",
        "tie layers of an unshared checkpoint, to fine-tune from with --finetune-from-model",
        "plain.pt --sharing-strategy cycle --encoder-unique-layers 3 --decoder-unique-layers 3 "
        "--init mean --output shared.pt",
        _share,
    )
    parser.add_argument(
        "--sharing-strategy", default="none", help="one of " + ", ".join(STRATEGIES)
    )
    for side in SIDES:
        parser.add_argument(f"--{side}-unique-layers", type=int, metavar="M")
    parser.add_argument("--share-sublayers", default="all", metavar="NAMES", help=SUBLAYERS_HELP)
    parser.add_argument("--own", default="none", metavar="NAMES", help=OWN_HELP)
    parser.add_argument("--own-rank", type=int, metavar="R", help="rank of each layer's deltas")
    for name in MAP_OPTIONS:
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, metavar="MAP", help="such as 0,1,1,0")
    parser.add_argument(
        "--init", choices=INITS, default="mean", help="which layer of a group; default mean"
    )


def _share(checkpoint: Checkpoint, args: argparse.Namespace) -> Content:
    asked = {name: vars(args)[name] for name in UNSHARED.keys() & vars(args).keys()}
    if UNSHARED | asked == UNSHARED:
        raise SharingError("nothing to share: give --sharing-strategy, or a layer map of a side")
    for name in sorted(asked.keys() - checkpoint.unshared.keys()):
        if asked.pop(name) is not None:
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"{flag}: {args.input} is of a language model, it has no encoder")
    content, distances = share(checkpoint, args.init, **asked)
    columns = ("side", "part", "layer", "uses", "was apart by", "own has")
    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for distance in distances:
        where = (distance.side, distance.part, str(distance.layer), str(distance.unique))
        table.add_row(*where, f"{distance.relative:.1%}", f"{distance.held:.1%}")
    Console().print(table)
    return content


def _add_from_authors(tools: Any) -> None:
    parser = _add_conversion(
        tools,
        "from-authors",
        "convert a checkpoint of the implementation that the paper's authors released",
        "released.pt --output checkpoint.pt",
        lambda checkpoint, args: from_authors(checkpoint, unshared=args.unshared),
    )
    parser.add_argument(
        "--unshared", action="store_true", help="keep every layer apart, whatever is equal"
    )
