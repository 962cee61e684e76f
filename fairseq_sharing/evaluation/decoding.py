"""Decoding a test set: fairseq-generate's command, and its output as a file of hypotheses."""

import re
from pathlib import Path

from ..commands.jobs import Job
from ..commands.tools import fairseq_tool
from ..corpus.binarised import path_of
from ..corpus.parallel_text import read_lines, stream_lines
from ..corpus.prepare import DATA
from ..errors import SharingError
from ..experiment.experiment import Experiment, Options, TestSet, to_flags
from ..experiment.positions import OPTIONS as POSITIONS
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256, write_lines
from ..training.command import on_cpu, user_dir
from .averaging import decoded_checkpoint
from .outputs import output_stage, own_options

DETOKENISING: dict[str, Options] = {
    "sentencepiece": {"remove-bpe": "sentencepiece"},
    "bpe": {"remove-bpe": "@@ ", "tokenizer": "moses"},
}

_HYPOTHESIS = re.compile(r"^D-(\d+)\t[^\t]*\t(.*)$", re.MULTILINE)


def command(run: Run, number: int, folder: Path, *, cpu: bool, fp16: bool = False) -> list[str]:
    """The fairseq-generate command for the experiment's test set of that number, from 0."""
    experiment, test_set = run.experiment, run.experiment.test_sets[number]
    given = {
        "source-lang": experiment.languages.source,
        "target-lang": experiment.languages.target,
        "user-dir": user_dir(),
        "path": decoded_checkpoint(run),
        "gen-subset": subset_of(number),
        **DETOKENISING[experiment.data.segmentation],
        **{name: run.options[name] for name in POSITIONS if name in run.options},
        "required-batch-size-multiple": 1,
        "num-workers": 0,
        "cpu": cpu,
        "fp16": fp16,
    }
    own = own_options(run, test_set, given | dict.fromkeys(POSITIONS))
    flags = to_flags({"no-progress-bar": True, **given, **own})
    return [fairseq_tool("fairseq-generate"), str(folder / DATA), *flags]


def waiting_jobs(run: Run, folder: Path, *, fp16: bool) -> list[Job]:
    """A job for each test set that is not decoded yet with these options and this checkpoint.

    Each leaves hypotheses.NAME.txt and a record of its own, so that an interruption loses one set.
    """
    experiment, checkpoint = run.experiment, sha256(decoded_checkpoint(run))
    jobs = []
    for number, test_set in enumerate(experiment.test_sets):
        data = binarised(experiment, number, folder)
        output = run.hypotheses(test_set.name)
        stage = output_stage(run, test_set, output, checkpoint=checkpoint, data=data, fp16=fp16)
        if not stage.is_finished():
            words = command(run, number, folder, cpu=on_cpu(), fp16=fp16)
            jobs.append(_decoding(run, test_set, words, folder, stage))
    return jobs


def _decoding(run: Run, test_set: TestSet, command: list[str], folder: Path, stage: Stage) -> Job:
    log = run.folder / f"generate.{test_set.name}.log"
    log.unlink(missing_ok=True)

    def keep() -> None:
        expected = len(read_lines(references_of(run.experiment, test_set, folder)))
        write_lines(run.hypotheses(test_set.name), hypotheses_of(log, expected))
        stage.finish()
        print(f"decoded {test_set.name} by {run.name}: {expected} segments")

    return Job(f"{run.name}, {test_set.name}", command, log, keep)


def hypotheses_of(output: Path, expected: int) -> list[str]:
    """The detokenised translations in fairseq-generate's output, in the order of the test set.

    Of several for a segment, with nbest, the first is the best.
    """
    found: dict[int, str] = {}
    for number, text in _HYPOTHESIS.findall(output.read_bytes().decode("utf-8")):
        found.setdefault(int(number), text)
    if sorted(found) != list(range(expected)):
        raise SharingError(
            f"fairseq-generate returned {len(found)} of {expected} segments (see {output}): "
            "no score is given for a part of a test set"
        )
    return [found[number] for number in range(expected)]


def output_of(run: Run, test_set: str) -> tuple[str, Path]:
    """What a score's record calls the translations of a test set, and their file."""
    return "hypotheses", run.hypotheses(test_set)


def read_hypotheses(run: Run, test_set: str, segments: int) -> list[str]:
    """The stored translations, split at line feeds alone, of a test set of so many segments."""
    path = run.hypotheses(test_set)
    if not path.exists():
        raise SharingError(f"{path} is gone: run fairseq-sharing evaluate again")
    lines = list(stream_lines(path))
    if len(lines) != segments:
        raise SharingError(
            f"{path} has {len(lines)} lines for {segments} segments: remove it, then run "
            "fairseq-sharing evaluate again"
        )
    return lines


def binarised(experiment: Experiment, number: int, folder: Path) -> Path:
    """The source side of the test set of that number as fairseq stores it, without .bin or .idx."""
    languages = experiment.languages.source, experiment.languages.target
    return path_of(folder / DATA, subset_of(number), languages, languages[0])


def references_of(experiment: Experiment, test_set: TestSet, folder: Path) -> Path:
    """The original target side of a test set, one segment a line."""
    return folder / "corpus" / f"{test_set.name}.{experiment.languages.target}"


def subset_of(number: int) -> str:
    """fairseq's name for a test set: test, test1, test2 ..."""
    return f"test{number or ''}"
