"""Scores by COMET, in an environment of its own: its dependencies conflict with fairseq's."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from ..commands.jobs import ALONE, Job, run_jobs
from ..corpus.parallel_text import in_a_line, stream_lines
from ..errors import SharingError
from ..experiment.experiment import TestSet
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import read_json, sha256, write_json, write_lines
from .decoding import references_of

MODEL = "Unbabel/wmt22-comet-da"


def comet_tool(python: Path) -> str:
    """The command comet-score beside a Python; SharingError says how to install it."""
    tool = shutil.which("comet-score", path=str(python.parent))
    if tool is None:
        raise SharingError(
            f"--comet {python}: there is no comet-score beside it. Make an environment for it: "
            "python3 -m venv comet && comet/bin/pip install unbabel-comet; then --comet "
            "comet/bin/python"
        )
    return tool


def score_with_comet(runs: list[Run], folder: Path, tool: str, lock: int) -> None:
    """Write each run's comet.json: a score for each test set, all runs of a set scored at once."""
    experiment = runs[0].experiment
    scores: dict[str, dict[str, float]] = {run.name: {} for run in runs}
    for test_set in experiment.test_sets:
        output = folder / f"comet.{test_set.name}.json"
        hypotheses = [run.hypotheses(test_set.name) for run in runs]
        settings = {"model": MODEL, "hypotheses": {str(path): sha256(path) for path in hypotheses}}
        stage = Stage(folder, f"comet.{test_set.name}", settings, (output,))
        if not stage.is_finished():
            stage.start_over()
            with TemporaryDirectory(dir=folder) as copies:
                command = _command(tool, runs, test_set, folder, Path(copies))
                command += ["--to_json", str(output)]
                log = folder / f"comet.{test_set.name}.log"
                run_jobs([Job(f"COMET, {test_set.name}", command, log)], ALONE, lock)
            stage.finish()
        of_segments = read_json(output).values()
        for run, segments in zip(runs, of_segments, strict=True):
            mean = sum(segment["COMET"] for segment in segments) / len(segments)
            scores[run.name][test_set.name] = mean
            print(f"COMET of {run.name} on {test_set.name}: {mean:.4f}")
    for run in runs:
        write_json(run.folder / "comet.json", {"model": MODEL, "scores": scores[run.name]})


def _command(
    tool: str, runs: list[Run], test_set: TestSet, folder: Path, copies: Path
) -> list[str]:
    """The comet-score command for copies of the texts, which go into a folder."""
    references = references_of(runs[0].experiment, test_set, folder)
    sources = references.with_suffix(f".{runs[0].experiment.languages.source}")
    hypotheses = [run.hypotheses(test_set.name) for run in runs]
    texts = []
    for number, path in enumerate((sources, references, *hypotheses)):
        texts.append(str(copies / str(number)))
        write_lines(Path(texts[-1]), [in_a_line(line) for line in stream_lines(path)])
    gpus = "1" if torch.cuda.is_available() else "0"
    command = [tool, "--quiet", "--model", MODEL, "--gpus", gpus]
    return [*command, "-s", texts[0], "-r", texts[1], "-t", *texts[2:]]
