"""Beam-4 translation of a run's test set: a system against its unrolled copy, or another system.

The copy computes the same with N real layers a side, so that only sharing differs. Example, after
scripts/demo.sh: python benchmarks/decode_run.py runs/demo --system sequence_grown
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
import torch
from decoders import BEAM, QUANTIZATIONS
from fairseq.checkpoint_utils import load_model_ensemble_and_task

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.files import write_checkpoint
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.export.ct2 import export_ct2
from fairseq_sharing.export.translate import Translator


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("run", type=Path, help="run folder of an experiment, such as runs/demo")
    parser.add_argument("--system", default="cycle_rev", help="default cycle_rev")
    parser.add_argument("--beside", metavar="SYSTEM", help="default: its unrolled copy")
    parser.add_argument("--first", type=int, metavar="N", help="so many segments; default: all")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="segments; default 32")
    args = parser.parse_args()
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, checkpoint in checkpoints(args, Path(folder)).items():
            cases["fairseq", name] = with_fairseq(checkpoint, args)
            for quantization in QUANTIZATIONS:
                made = Path(folder, f"{name}-{quantization}")
                cases[f"CTranslate2 {quantization}", name] = with_ctranslate2(
                    checkpoint, args, made, quantization
                )
        cases = {key: harness.one_phase(case) for key, case in cases.items()}
        torch.set_num_threads(args.threads)  # which reading a dataset has set to one
        timings = harness.interleaved(cases, args.rounds)
    rows = [
        {"engine": engine, "model": name, "test set, cpu s": t.processor, "test set, s": t.seconds}
        for (engine, name), t in timings.items()
    ]
    harness.report("decode_run", rows, args, harness.machine())


def checkpoints(args: argparse.Namespace, folder: Path) -> dict[str, Path]:
    """The two that are compared, by the names of their rows."""
    names = [args.system, *([args.beside] if args.beside else [])]
    best = {name: args.run / name / "checkpoints" / "checkpoint_best.pt" for name in names}
    if args.beside:
        return best
    plain = folder / "unrolled.pt"
    write_checkpoint(unroll(Checkpoint.read(best[args.system])), plain)
    return {"shared": best[args.system], "unrolled": plain}


def with_fairseq(checkpoint: Path, args: argparse.Namespace) -> Callable[[], None]:
    """What fairseq-generate does with the first segments of its test set, once all is loaded."""
    data = {"data": str(args.run / "data-bin")}
    models, _, task = load_model_ensemble_and_task([str(checkpoint)], arg_overrides=data)
    task.load_dataset("test")
    for model in models:
        model.eval()
    generator = task.build_generator(models, argparse.Namespace(beam=BEAM))
    dataset = task.dataset("test")
    last = args.first or len(dataset)
    by_length = [index for index in dataset.ordered_indices() if index < last]
    samples = [
        dataset.collater([dataset[index] for index in by_length[begin : begin + args.batch]])
        for begin in range(0, len(by_length), args.batch)
    ]

    def translate() -> None:
        for sample in samples:
            task.inference_step(generator, models, sample)

    return translate


def with_ctranslate2(
    checkpoint: Path, args: argparse.Namespace, folder: Path, quantization: str
) -> Callable[[], None]:
    """What ``fairseq-sharing translate`` does with the same text."""
    spm = args.run / "spm" / "joint.model"
    export_ct2(
        Checkpoint.read(checkpoint),
        args.run / "data-bin",
        folder,
        sentencepiece=spm,
        quantization=quantization,
    )
    translator = Translator(folder, args.threads)
    lines = (args.run / "corpus" / "test.en").read_text("utf-8").splitlines()[: args.first]

    def translate() -> None:
        for _ in translator.translate(lines, beam=BEAM, batch_size=args.batch):
            pass

    return translate


if __name__ == "__main__":
    main()
