"""COMET's command, with a comet-score that reads and writes files as the real one does."""

import os
import sys

import pytest
from planted_runs import EXPERIMENT, plant

from fairseq_sharing.evaluation.comet import comet_tool, score_with_comet
from fairseq_sharing.files import exclusive, read_json, write_lines

COMET_SCORE = """\
#!{python}
import argparse, json
parser = argparse.ArgumentParser()
for option in ("-s", "-r", "--model", "--gpus", "--to_json"):
    parser.add_argument(option)
parser.add_argument("-t", nargs="+")
parser.add_argument("--quiet", action="store_true")
args = parser.parse_args()
texts = ([line.strip() for line in open(p)] for p in (args.s, args.r, *args.t))
sources, references, *outputs = texts
scores = {{}}
for path, lines in zip(args.t, outputs):
    assert len(lines) == len(references) == len(sources), path
    scores[path] = [{{"COMET": float(a == b)}} for a, b in zip(lines, references)]
json.dump(scores, open(args.to_json, "w"))
"""


@pytest.fixture
def tool(tmp_path) -> str:
    """An environment with that comet-score."""
    folder = tmp_path / "comet" / "bin"
    folder.mkdir(parents=True)
    script = folder / "comet-score"
    script.write_text(COMET_SCORE.format(python=sys.executable))
    script.chmod(0o755)
    return comet_tool(folder / "python")


def test_carriage_returns_do_not_shift_the_segments(tmp_path, tool, capfd):
    folder = tmp_path / "runs"
    runs = plant(folder, EXPERIMENT.replace("seeds = [1, 2]", "seeds = [1]"), worse=0.0)
    for run in runs:
        file = run.hypotheses("newstest2013")
        lines = file.read_text().splitlines()
        write_lines(file, [lines[0].replace(" a ", " \r"), *lines[1:]])
    with exclusive(folder) as lock:
        score_with_comet(runs, folder, tool, lock)
    scores = read_json(runs[0].folder / "comet.json")["scores"]
    assert scores == {"newstest2013": 39 / 40, "newstest2014": 1.0}
    assert {p for p in os.listdir(folder) if p.startswith("tmp")} == set()
