"""``fairseq-sharing checkpoint inspect``: the facts of a checkpoint, for people or scripts."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from ..checkpoint.contents import Checkpoint
from ..checkpoint.inspect import inspect
from ..model.sublayers import SideMap


def add_parser(tools: Any) -> None:
    help = "say what a checkpoint holds and what its bytes are spent on"
    epilog = "Example: fairseq-sharing checkpoint inspect checkpoints/checkpoint_best.pt --json"
    parser = tools.add_parser("inspect", help=help, description=help, epilog=epilog)
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    facts = inspect(Checkpoint.read(args.input))
    if args.json:
        print(json.dumps(facts))
    else:
        _show(facts, Console())


def _show(facts: dict[str, Any], console: Console) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("architecture", facts["architecture"])
    for side, layers in facts["sides"].items():
        side_map = SideMap(layers["maps"])
        running = ""
        if layers["running_layers"] < layers["layers"]:
            running = f", {layers['running_layers']} running"
        table.add_row(f"{side} map", f"{side_map} ({side_map.counts}{running})")
    table.add_row("parameters", f"{facts['parameters']:,}")
    table.add_row("unshared, same depth", f"{facts['parameters_unshared']:,}")
    table.add_row("each position's own", facts["own"])
    table.add_row("residual scaling", facts["residual_scaling"])
    table.add_row("updates", f"{facts['updates']:,}")
    table.add_row("validation score", _score(facts["validation_score"]))
    table.add_row("best so far", _score(facts["best_validation_score"]))
    table.add_row("precision", ", ".join(facts["precision"]))
    for part, size in facts["bytes"].items():
        table.add_row("size on disk" if part == "file" else f"  {part}", decimal(size))
    console.print(table)


def _score(value: float | None) -> str:
    return "not stored" if value is None else f"{value:g}"
