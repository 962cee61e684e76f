"""What a model weighs on disk, shared and not: python benchmarks/shipping_sizes.py

Random weights; base sizes with a joined vocabulary of 32,768 unless said otherwise. Prints a
Markdown table in MB (10 ** 6 bytes): the checkpoint as fairseq saves it from a GPU, with Adam's
state; the same stripped, and stripped in fp16; CTranslate2's model.bin in int8. Needs 8 GB of disk
and of memory.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import torch
from random_checkpoint import SENTENCEPIECE, make_checkpoint, make_data

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.inspect import inspect
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.model.cost import Sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[6, 12, 18])
    parser.add_argument("--unique", type=int, default=6)
    for option, default in vars(Sizes()).items():
        if option != "share_all_embeddings":
            parser.add_argument(f"--{option}", type=int, default=default)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    sizes = Sizes(args.embed, args.ffn, args.heads, args.vocabulary)
    print("| M | N | parameters | checkpoint | stripped | stripped fp16 | int8 model.bin |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for layers in args.depths:
        for unique in sorted({args.unique, layers}):
            with tempfile.TemporaryDirectory() as folder:
                cells = measure(Path(folder), sizes, layers, unique)
            print(f"| {unique} | {layers} | " + " | ".join(cells) + " |", flush=True)


def measure(folder: Path, sizes: Sizes, layers: int, unique: int) -> list[str]:
    """The cells of one row after M and N."""
    data = make_data(folder / "data", sizes)
    path = make_checkpoint(folder / "checkpoint.pt", sizes, layers, unique)
    checkpoint = Checkpoint.read(path)
    torch.save(strip(checkpoint), folder / "stripped.pt")
    torch.save(strip(checkpoint, "fp16"), folder / "half.pt")
    export_ct2(
        checkpoint, data, folder / "ct2", sentencepiece=data / SENTENCEPIECE, quantization="int8"
    )
    files = (path, folder / "stripped.pt", folder / "half.pt", folder / "ct2" / "model.bin")
    megabytes = [f"{file.stat().st_size / 1e6:.1f}" for file in files]
    return [f"{inspect(checkpoint)['parameters']:,}", *megabytes]


if __name__ == "__main__":
    main()
