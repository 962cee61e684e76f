"""Beam-4 translation of a run's test set: a shared model against its unrolled copy.

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

SENTENCES = 32


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("run", type=Path, help="run folder of an experiment, such as runs/demo")
    parser.add_argument("--system", default="cycle_rev", help="default cycle_rev")
    args = parser.parse_args()
    shared = args.run / args.system / "checkpoints" / "checkpoint_best.pt"
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "unrolled.pt")
        write_checkpoint(unroll(Checkpoint.read(shared)), plain)
        for name, checkpoint in (("shared", shared), ("unrolled", plain)):
            cases["fairseq", name] = with_fairseq(checkpoint, args.run)
            for quantization in QUANTIZATIONS:
                made = Path(folder, f"{name}-{quantization}")
                cases[f"CTranslate2 {quantization}", name] = with_ctranslate2(
                    checkpoint, args.run, made, quantization, args.threads
                )
        cases = {key: harness.one_phase(case) for key, case in cases.items()}
        torch.set_num_threads(args.threads)  # which reading a dataset has set to one
        timings = harness.interleaved(cases, args.rounds)
    rows = [
        {"engine": engine, "model": name, "test set, cpu s": t.processor, "test set, s": t.seconds}
        for (engine, name), t in timings.items()
    ]
    harness.report("decode_run", rows, args, harness.machine())


def with_fairseq(checkpoint: Path, run: Path) -> Callable[[], None]:
    """What fairseq-generate does with its test set, once everything is loaded."""
    data = {"data": str(run / "data-bin")}
    models, _, task = load_model_ensemble_and_task([str(checkpoint)], arg_overrides=data)
    task.load_dataset("test")
    for model in models:
        model.eval()
    generator = task.build_generator(models, argparse.Namespace(beam=BEAM))
    batches = task.get_batch_iterator(
        task.dataset("test"), max_sentences=SENTENCES, required_batch_size_multiple=1
    ).next_epoch_itr(shuffle=False)
    samples = list(batches)

    def translate() -> None:
        for sample in samples:
            task.inference_step(generator, models, sample)

    return translate


def with_ctranslate2(
    checkpoint: Path, run: Path, folder: Path, quantization: str, threads: int
) -> Callable[[], None]:
    """What ``fairseq-sharing translate`` does with the same text."""
    spm = run / "spm" / "joint.model"
    export_ct2(
        Checkpoint.read(checkpoint),
        run / "data-bin",
        folder,
        sentencepiece=spm,
        quantization=quantization,
    )
    translator = Translator(folder, threads)
    lines = (run / "corpus" / "test.en").read_text("utf-8").splitlines()

    def translate() -> None:
        for _ in translator.translate(lines, beam=BEAM, batch_size=SENTENCES):
            pass

    return translate


if __name__ == "__main__":
    main()
