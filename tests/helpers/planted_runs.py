"""Run folders with planted logs and translations, scored by sacreBLEU; nothing is trained."""

import dataclasses
import random
from pathlib import Path

from fairseq_sharing.evaluation.scoring import score
from fairseq_sharing.experiment.bleu import bleu_of
from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.runs import Run, runs_of, save_run
from fairseq_sharing.files import write_json, write_lines

EXPERIMENT = """
baseline = "base"
seeds = [1, 2]
[languages]
source = "en"
target = "de"
[data]
corpus = "libreoffice"
max_words = 8
vocabulary = 40
valid_segments = 20
[train]
max-update = 100
[generate]
beam = 2
[[test_sets]]
name = "newstest2013"
origin = "sacrebleu:wmt13"
[[test_sets]]
name = "newstest2014"
origin = "sacrebleu:wmt14/full"
[[systems]]
name = "base"
strategy = "none"
layers = 6
paper = "Vanilla 6/6"
[[systems]]
name = "deep_rev"
strategy = "cycle_rev"
layers = 12
unique_layers = 6
paper = "Cycle (rev) 6/12"
"""
SEGMENTS = {"newstest2013": 40, "newstest2014": 30}
GPU = {"name": "B", "memory_gib": 79.1}
MACHINE = {"torch": "2.13.0", "cpu": "A", "cores": 2, "gpus": [GPU, GPU], "host": "mine"}
LOG = """\
| INFO | x | num. shared model params: {parameters:,} (num. trained: 1)
| INFO | train_inner | {{"wps": "{speed}00", "ups": "{speed}", "num_updates": "50"}}
| INFO | valid | {{"valid_loss": "{first}", "valid_num_updates": "50"}}
| INFO | valid | {{"valid_loss": "{last}", "valid_num_updates": "100"}}
"""


def plant(folder: Path, text: str = EXPERIMENT, *, worse: float = 0.3) -> list[Run]:
    """Fill an experiment's folder; the baseline gets more words wrong than the others."""
    file = folder.parent / f"{folder.name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    runs = runs_of(load(file), folder)
    draw = random.Random(1)
    for name, size in SEGMENTS.items():
        for language in ("en", "de"):
            lines = [f"{language} {n} a sentence of {n * 7} & <b>words</b>" for n in range(size)]
            write_lines(folder / "corpus" / f"{name}.{language}", lines)
    for run in runs:
        deep, seed = run.system.layers > 6, run.seed
        save_run(run)
        write_json(run.folder / "versions.json", MACHINE)
        write_lines(run.folder / "command.txt", ["fairseq-train '</pre><script>alert(1)</script>'"])
        figures = {"speed": 4 if deep else 8, "first": 5 - deep, "last": 4 - deep - seed / 10}
        run.log.write_text(LOG.format(parameters=61_000_000 + deep, **figures))
        for name in SEGMENTS:
            wrong = worse / 2 if deep else worse
            lines = _lines(folder / "corpus" / f"{name}.de")
            write_lines(run.hypotheses(name), [_spoilt(line, wrong, draw) for line in lines])
    rescore(runs)
    return runs


def rescore(runs: list[Run]) -> None:
    """Write every run's scores, each seed against its baseline."""
    folder, scores = runs[0].folder.parent, {run.name: {} for run in runs}
    for seed in runs[0].experiment.seeds:
        group = [run for run in runs if run.seed == seed]
        for name in SEGMENTS:
            hypotheses = {run.name: _lines(run.hypotheses(name)) for run in group}
            references = _lines(folder / "corpus" / f"{name}.de")
            bleu = bleu_of(group[0].experiment)
            for run, result in score(hypotheses, references, group[0].name, bleu).items():
                scores[run][name] = dataclasses.asdict(result)
    for run in runs:
        write_json(run.folder / "scores.json", scores[run.name])


def _lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1]


def _spoilt(line: str, wrong: float, draw: random.Random) -> str:
    return " ".join(word if draw.random() > wrong else "<script>" for word in line.split())
