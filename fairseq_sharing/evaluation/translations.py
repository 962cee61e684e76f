"""Scores of translations of a test set: BLEU and chrF by sacreBLEU."""

import dataclasses
from pathlib import Path

from sacrebleu.metrics import BLEU

from ..corpus.binarised import lengths_of, refuse_small_batches, refuse_too_long
from ..corpus.parallel_text import read_lines
from ..corpus.prepare import DATA
from ..errors import SharingError
from ..experiment.bleu import bleu_of
from ..experiment.positions import positions_of
from ..experiment.runs import Run
from ..experiment.stages import Stage
from ..files import sha256
from .decoding import read_hypotheses, references_of, subset_of
from .outputs import SCORE
from .scoring import score


def check_test_sets(runs: list[Run], folder: Path) -> None:
    """Raise SharingError unless each test set has a reference for every segment to decode.

    BLEU also has to have its tokeniser, and the longest segment to fit into every model and into a
    batch of fairseq-generate.
    """
    experiment = runs[0].experiment
    bleu_of(experiment)
    languages = experiment.languages.source, experiment.languages.target
    for number, test_set in enumerate(experiment.test_sets):
        lengths = lengths_of(folder / DATA, subset_of(number), languages)
        for positions in {positions_of(run.options) for run in runs}:
            refuse_too_long(test_set.name, lengths, positions)
        batch = int({**experiment.generate, **test_set.options}.get("max-tokens", 0))
        refuse_small_batches(
            "fairseq-generate", test_set.name, lengths, positions, "[generate] max-tokens", batch
        )
        segments = lengths.shape[1]
        path = references_of(experiment, test_set, folder)
        lines = len(read_lines(path))
        if lines != segments:
            raise SharingError(
                f"test set {test_set.name} has {segments} segments to decode and {lines} lines in "
                f"{path}: run fairseq-sharing prepare again in a new folder"
            )


def scores(runs: list[Run], folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    """By system and test set, of one seed's runs, each tested against that seed's baseline."""
    experiment = runs[0].experiment
    found: dict[str, dict[str, dict[str, object]]] = {run.system.name: {} for run in runs}
    for test_set in experiment.test_sets:
        print(f"scoring {test_set.name}, seed {runs[0].seed}: {len(runs)} systems", flush=True)
        references = read_lines(references_of(experiment, test_set, folder))
        hypotheses = {
            run.system.name: read_hypotheses(run, test_set.name, len(references)) for run in runs
        }
        for name, result in score(
            hypotheses, references, experiment.baseline, bleu_of(experiment)
        ).items():
            found[name][test_set.name] = dataclasses.asdict(result)
    return found


def scoring(run: Run, baseline: Run, folder: Path) -> Stage:
    """The scores of a run, which depend on translations, references and BLEU's tokeniser."""
    tokenizer = bleu_of(run.experiment).tokenizer_signature
    named = {} if tokenizer == BLEU.TOKENIZER_DEFAULT else {"tokenizer": tokenizer}
    settings = {
        test_set.name: {
            "hypotheses": sha256(run.hypotheses(test_set.name)),
            "baseline": sha256(baseline.hypotheses(test_set.name)),
            "references": sha256(references_of(run.experiment, test_set, folder)),
            **named,
        }
        for test_set in run.experiment.test_sets
    }
    return Stage(run.folder, SCORE, settings, (run.folder / "scores.json",))
