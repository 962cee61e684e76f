"""``fairseq-sharing export``: a folder to serve a checkpoint from."""

import argparse
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from ..checkpoint.contents import Checkpoint
from ..errors import SharingError
from ..export.ct2 import QUANTIZATIONS, check_output_folder, export_ct2


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "export",
        description="Make a folder to serve a model from.",
        epilog="Example: fairseq-sharing export ct2 model.pt --data data-bin --spm joint.model "
        "--quantization int8 --output en-de",
    )
    formats = parser.add_subparsers(required=True, metavar="FORMAT")
    ct2 = formats.add_parser(
        "ct2",
        help="a CTranslate2 model",
        description="A CTranslate2 model with vocabularies, SentencePiece model and model card.",
        epilog="Example: fairseq-sharing export ct2 model.pt --data data-bin --spm joint.model "
        "--quantization int8 --output en-de; then: fairseq-sharing translate --model en-de",
    )
    ct2.add_argument("input", type=Path, metavar="FILE", help="checkpoint")
    ct2.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder with fairseq's dictionaries"
    )
    ct2.add_argument(
        "--spm", type=Path, required=True, metavar="FILE", help="the text's SentencePiece model"
    )
    ct2.add_argument("--source-lang", metavar="LANG", help="default: as it was trained")
    ct2.add_argument("--target-lang", metavar="LANG", help="default: as it was trained")
    ct2.add_argument(
        "--quantization", choices=QUANTIZATIONS, default="float32", help="default: float32"
    )
    ct2.add_argument("--license", default="unknown", help="for the model card; default: unknown")
    ct2.add_argument(
        "--run-folder",
        type=Path,
        metavar="DIR",
        help="of the system in an experiment, such as runs/demo/sequence_grown: scores and "
        "commands for the model card",
    )
    ct2.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder to make; new or empty"
    )
    ct2.set_defaults(run=run_ct2)


def run_ct2(args: argparse.Namespace) -> None:
    check_output_folder(args.output)
    if bool(args.source_lang) != bool(args.target_lang):
        raise SharingError("give both --source-lang and --target-lang, or neither")
    export_ct2(
        Checkpoint.read(args.input),
        args.data,
        args.output,
        sentencepiece=args.spm,
        languages=(args.source_lang, args.target_lang) if args.source_lang else None,
        quantization=args.quantization,
        license=args.license,
        run_folder=args.run_folder,
    )
    size = sum(path.stat().st_size for path in args.output.iterdir())
    print(f"{args.output}: {decimal(size)}, {args.quantization}")
