"""``fairseq-sharing train``: every system of an experiment, here or on a cluster."""

import argparse
from typing import Any

from ..commands.devices import PRECISIONS, Devices, Kind, these_devices
from ..commands.tools import fairseq_tool
from ..errors import SharingError
from ..experiment.shipped import find
from ..training.slurm import LEAST_MINUTES, submit
from ..training.slurm_queue import SECONDS_TO_SAVE, Request
from ..training.speed_stage import measure_speed
from ..training.train import train
from .experiment_options import (
    add_jobs_option,
    add_selection_options,
    add_stage_parser,
    load_experiment,
    positive,
)

FOR_SLURM = ("dry_run", "gpus_per_node", "partition", "time", "sbatch")
NOT_FOR_SLURM = ("node_rank", "rdzv_endpoint", "jobs")
SBATCH_FLAGS = ("contiguous", "exclusive", "hold", "overcommit", "oversubscribe", "reboot")
OWN_OPTIONS = ("nodes", "ntasks", "ntasks-per-node", "gpus-per-node", "partition", "time")


def add_parser(subparsers: Any) -> None:
    parser = add_stage_parser(
        subparsers,
        "train",
        "experiments/demo --systems vanilla,sequence_grown",
    )
    add_selection_options(parser)
    parser.add_argument(
        "--devices",
        type=positive,
        metavar="N",
        help="GPUs of this machine for each training, or processes on a machine without; "
        "default: all GPUs if the experiment says batch_tokens, else 1",
    )
    add_jobs_option(parser, "trainings")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="default: auto, which is bf16 where the GPU has it, else fp16, and fp32 without a GPU",
    )
    parser.add_argument(
        "--no-speed", action="store_true", help="do not measure training speeds afterwards"
    )
    _add_node_options(parser)
    _add_slurm_options(parser)
    parser.set_defaults(run=run)


def _add_node_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several machines", "the same command on each of them")
    group.add_argument("--nodes", type=positive, default=1, metavar="N", help="how many there are")
    group.add_argument(
        "--node-rank", type=int, default=0, metavar="R", help="which one this is, from 0"
    )
    group.add_argument(
        "--rdzv-endpoint", metavar="HOST:PORT", help="where the first one can be reached"
    )


def _add_slurm_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Slurm", "one job for each system and seed; needs submitit")
    group.add_argument("--slurm", action="store_true", help="submit the trainings and return")
    group.add_argument("--dry-run", action="store_true", help="print the sbatch scripts instead")
    group.add_argument("--gpus-per-node", type=positive, metavar="N", help="default: no GPUs")
    group.add_argument("--partition", metavar="NAME", help="default: the cluster's")
    group.add_argument(
        "--time",
        type=_minutes,
        metavar="[DAYS-]HH:MM:SS",
        help="after it a job is stopped and queued again; default: 24:00:00",
    )
    group.add_argument(
        "--sbatch",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="any other option of sbatch, such as account=NAME; may be given several times",
    )


def run(args: argparse.Namespace) -> None:
    experiment, folder = load_experiment(args)
    _refuse_what_would_be_dropped(args)
    if args.slurm:
        submit(
            *(experiment, folder, _request(args), _same_command(args)),
            speed=not args.no_speed,
            dry_run=args.dry_run,
            precision=args.precision,
        )
        return
    wanted = args.devices or (1 if experiment.batch_tokens is None else None)
    devices = these_devices(wanted, args.nodes, args.node_rank, args.rdzv_endpoint)
    train(experiment, folder, devices, args.precision, args.jobs)
    if devices.rank == 0:
        if not args.no_speed:
            measure_speed(experiment, folder)
        print(f"trained: {folder}")


def _refuse_what_would_be_dropped(args: argparse.Namespace) -> None:
    fault = (
        "goes without --slurm, which starts each training by itself: leave it out"
        if args.slurm
        else "needs --slurm: add it, or leave it out"
    )
    for option in NOT_FOR_SLURM if args.slurm else FOR_SLURM:
        if getattr(args, option):
            raise SharingError(f"--{option.replace('_', '-')} {fault}")


def _request(args: argparse.Namespace) -> Request:
    if args.devices and args.gpus_per_node:
        raise SharingError("--devices with --gpus-per-node: give the one or the other")
    kind: Kind = "gpu" if args.gpus_per_node else "cpu"
    per_node = args.gpus_per_node or args.devices or 1
    other = {}
    for text in args.sbatch:
        name, found, value = text.partition("=")
        whole = value or (name in SBATCH_FLAGS and not found)
        if not whole or not name or name.startswith("-") or name in OWN_OPTIONS:
            raise SharingError(
                f"--sbatch {text}: give a long option of sbatch without its dashes, such as "
                f"account=NAME; {', '.join(OWN_OPTIONS)} follow from the options of train, and "
                f"only {', '.join(SBATCH_FLAGS)} go without a value"
            )
        other[name] = value if found else True
    return Request(
        Devices(kind, per_node, args.nodes, started=True),
        args.partition,
        args.time or 24 * 60,
        other,
    )


def _same_command(args: argparse.Namespace) -> list[str]:
    """The command of a Slurm job, without the system and the seed, which each job adds."""
    command = [fairseq_tool("fairseq-sharing"), "train", str(find(args.experiment).resolve())]
    command += ["--runs", str(args.runs.resolve()), "--precision", args.precision]
    return command + ["--quick"] * args.quick


def _minutes(text: str) -> int:
    """Slurm's [DAYS-]HH:MM:SS in minutes, rounded up."""
    days, _, clock = text.rpartition("-")
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in [*parts, days or "0"]):
        raise argparse.ArgumentTypeError(f"'{text}' must be [DAYS-]HH:MM:SS, such as 2-00:00:00")
    hours, minutes, seconds = map(int, parts)
    total = (int(days or 0) * 24 + hours) * 60 + minutes + (seconds > 0)
    if total < LEAST_MINUTES:
        raise argparse.ArgumentTypeError(
            f"'{text}' is too short: jobs are stopped {SECONDS_TO_SAVE} seconds before their time "
            f"is up, so that they can save; give at least 00:{LEAST_MINUTES:02}:00"
        )
    return total
