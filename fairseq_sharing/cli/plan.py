"""``fairseq-sharing plan``: what an experiment will run, and what that takes."""

import argparse
import math
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from ..commands.devices import Devices, these_devices
from ..errors import SharingError
from ..experiment.runs import Run, runs_of
from ..report.plan import LENGTH, Estimate, commands, dictionary_of, estimates
from ..report.text import print_whole
from ..training.command import batch_statement
from .experiment_options import add_selection_options, add_stage_parser, load_experiment

TFLOPS = {"gpu": 50.0, "cpu": 0.03}
"""Assumed where --tflops is not given, for a GPU in half precision and for one core."""


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "plan",
        "experiments/wmt16_en_de --devices 8 --summary",
    )
    parser.description += (
        " Parameters are counted with [data] vocabulary, and with the dictionary of the prepared "
        "data once these are there."
    )
    add_selection_options(parser)
    parser.add_argument(
        "--devices",
        type=int,
        metavar="N",
        help="as on N GPUs, wherever they are; default: what this machine has",
    )
    parser.add_argument(
        "--tflops",
        type=float,
        metavar="X",
        help="what a device achieves in training, in 10^12 floating-point operations a second; "
        "default, an assumption: " + ", ".join(f"{x:g} for a {k}" for k, x in TFLOPS.items()),
    )
    parser.add_argument("--summary", action="store_true", help="leave out fairseq's commands")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    for option in ("devices", "tflops"):
        value = getattr(args, option)
        if value is not None and not 0 < value < math.inf:
            raise SharingError(f"--{option} {value}: must be a number greater than 0")
    experiment, folder = load_experiment(args)
    devices = Devices("gpu", args.devices) if args.devices else these_devices()
    tflops = args.tflops or TFLOPS[devices.kind]
    console = Console()
    print_whole(
        estimate_table(experiment.name, estimates(experiment, folder, devices), tflops), console
    )
    words = dictionary_of(experiment, folder)
    print(_notes(runs_of(experiment, folder)[0], devices, tflops, words))
    inner = [] if args.summary else list(commands(experiment, folder, devices))
    for stage, arguments in _stages(args, folder).items():
        print("\n" + shlex.join(["fairseq-sharing", stage, *arguments]))
        for _, purpose, command in (one for one in inner if one[0] == stage):
            print(f"    # {purpose}\n    {shlex.join(command)}")


def estimate_table(title: str, of_systems: list[Estimate], tflops: float) -> Table:
    """A row for each system and one for all of them, at so many 10^12 operations a second."""
    table = Table(title=title, box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("system", no_wrap=True)
    for heading in ("M/N", "parameters", "runs", "updates", "tokens", "FLOP", "hours", "disk"):
        table.add_column(heading, justify="right", no_wrap=True)
    for estimate in of_systems:
        table.add_row(
            estimate.name,
            f"{estimate.unique_layers}/{estimate.layers}",
            f"{estimate.parameters:,}",
            str(estimate.trainings),
            f"{estimate.updates:,}",
            *_amounts([estimate], tflops),
        )
    trainings = sum(estimate.trainings for estimate in of_systems)
    table.add_section()
    table.add_row("all", "", "", str(trainings), "", *_amounts(of_systems, tflops))
    return table


def _amounts(of_systems: list[Estimate], tflops: float) -> list[str]:
    """Tokens, operations, hours of a device and bytes on the disk, of all trainings together."""
    tokens = sum(estimate.tokens * estimate.trainings for estimate in of_systems)
    operations = sum(estimate.flops * estimate.trainings for estimate in of_systems)
    size = sum(estimate.checkpoint_bytes * estimate.trainings for estimate in of_systems)
    hours = operations / (tflops * 1e12) / 3600
    hours_text = f"{hours:,.0f}" if hours >= 99.5 else f"{hours:#.2g}".rstrip(".")
    return [_scaled(tokens), _scaled(operations), hours_text, decimal(size)]


def _scaled(number: float) -> str:
    """Three digits and a prefix of the metric system: 22.9 G."""
    prefixes = ["", " K", " M", " G", " T", " P", " E", " Z"]
    while number >= 999.5 and len(prefixes) > 1:
        number /= 1000
        prefixes.pop(0)
    digits = f"{number:#.3g}".rstrip(".")
    return f"{digits}{prefixes[0]}"


def _notes(run: Run, devices: Devices, tflops: float, words: int | None) -> str:
    """What the table's numbers are."""
    device = {"gpu": "GPU", "cpu": "core"}[devices.kind]
    lines = [f"On {devices}."]
    if run.experiment.batch_tokens is not None:
        lines = [f"On {devices}, {batch_statement(run, devices)} tokens an update."]
    vocabulary = f"{words or run.experiment.data.vocabulary:,}"
    lines += [
        f"Parameters: with the dictionary of the prepared data, {vocabulary} entries."
        if words
        else f"Parameters: with {vocabulary} entries in the dictionary; the prepared data may have "
        "a few more or less, which plan then counts with.",
        "Tokens and what follows are those of all runs of a system together.",
        "Tokens: at most, padding included.",
        f"FLOP: floating-point operations of training, in {_attended(run)}.",
        f"Hours: of one {device} that does {tflops:g} * 10^12 of them a second "
        "(--tflops), without validation and decoding.",
        "Disk: checkpoints.",
    ]
    return "\n".join(lines)


def _attended(run: Run) -> str:
    """What tokens attend to each other in."""
    if run.experiment.models.translates:
        return f"sentences of {LENGTH} tokens"
    return f"samples of {run.options.get('tokens-per-sample', 1024)} tokens"


def _stages(args: argparse.Namespace, folder: Path) -> dict[str, list[str]]:
    """The command of each stage, with the options that this one was given."""
    where = [str(args.experiment)]
    where += [] if str(args.runs) == "runs" else ["--runs", str(args.runs)]
    where += ["--quick"] if args.quick else []
    chosen = list(where)
    for option in ("systems", "seeds"):
        if values := getattr(args, option):
            chosen += [f"--{option}", ",".join(map(str, values))]
    devices = ["--devices", str(args.devices)] if args.devices else []
    return {
        "prepare": where,
        "train": chosen + devices,
        "evaluate": chosen,
        "report": [str(args.runs / folder.name)],
    }
