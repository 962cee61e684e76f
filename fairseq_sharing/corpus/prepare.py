"""The first stage: raw text to a corpus, a subword model and fairseq's binary data."""

import os
import shutil
from pathlib import Path
from typing import Any

from ..commands.jobs import ALONE, Job, run_jobs
from ..commands.places import usable_cores
from ..commands.tools import fairseq_tool
from ..errors import SharingError
from ..experiment.experiment import Experiment, settings_of
from ..experiment.stages import Stage
from ..files import exclusive
from .counts import TOO_LONG, in_words, too_long_in_words
from .manifest import Done, Manifest, Step
from .steps import corpus_steps
from .subwords import SEGMENTATIONS, Subwords
from .texts import Corpus

DATA = Path("data-bin")


def prepare(experiment: Experiment, folder: Path, own_text: tuple[Path, ...] | None) -> None:
    """Fill corpus/, spm/ or bpe/, and data-bin/ of the run folder, as far as it is not done.

    own_text is a source and a target file, or one text, instead of the experiment's corpus. What
    has changed is done again, with all that depends on it, unless systems were trained on it.
    """
    corpus = Corpus(experiment, folder, own_text)
    stage, steps, manifest = _stage(corpus), _steps(corpus), Manifest(folder)
    if stage.is_finished() and not any(map(manifest.reason_to_do, steps)):
        return
    if any(map(manifest.reason_to_do, corpus_steps(corpus))):
        corpus.check()
    SEGMENTATIONS[experiment.data.segmentation].require_tools()
    with exclusive(folder) as lock:
        _refuse_changes_after_training(stage, steps, manifest)
        stage.start_over()
        for step in _steps(corpus, lock):
            _do(step, manifest, experiment.models.unit)
        stage.finish()


def require_prepared(experiment: Experiment, folder: Path) -> None:
    """Raise SharingError unless the folder was prepared for this experiment, from any text."""
    corpus = Corpus(experiment, folder, None)
    recorded = _stage(corpus).recorded() or {"data": {"corpus": None}}
    stage = _stage(corpus, recorded["data"]["corpus"])
    stage.refuse_changes()
    if not stage.is_finished():
        raise SharingError(
            f"{folder} holds no prepared data: run fairseq-sharing prepare for it first"
        )


def _do(step: Step, manifest: Manifest, unit: str) -> None:
    """Do a step unless it is done, and report its counts, in a unit."""
    reason = manifest.reason_to_do(step)
    if reason:
        print(f"prepare: {step.name} ({reason})", flush=True)
        done = manifest.do(step)
        if "pairs" in done.counts:
            print(f"prepare: {step.name}: {in_words(done.counts['pairs'], unit)}", flush=True)
        if TOO_LONG in done.counts:
            print(f"prepare: {step.name}: {too_long_in_words(done.counts[TOO_LONG])}", flush=True)


def _refuse_changes_after_training(stage: Stage, steps: list[Step], manifest: Manifest) -> None:
    """Raise SharingError if anything changed that systems of the folder were trained on."""
    if not any(stage.folder.glob("*/train.stage.json")):
        return
    stage.refuse_changes()
    for step in steps:
        reason = manifest.reason_to_do(step)
        if reason:
            raise SharingError(
                f"{stage.folder}: systems were trained on this data, and '{step.name}' would be "
                f"made again ({reason}): remove that folder or choose another one with --runs"
            )


def _stage(corpus: Corpus, text: Any = None) -> Stage:
    """The record of the whole preparation; text is the name of a corpus, or checksums of files."""
    settings: dict[str, Any] = {
        "languages": settings_of(corpus.experiment.languages),
        "data": settings_of(corpus.experiment.data) | {"corpus": text or corpus.text},
    }
    if not corpus.experiment.models.translates:
        settings["kind"] = corpus.experiment.kind
    if corpus.named:
        settings["named"] = corpus.named
    if corpus.named_sets.sizes:
        settings["sizes"] = corpus.named_sets.sizes
    return Stage(corpus.run_folder, "prepare", settings, (corpus.folder, corpus.run_folder / DATA))


def _steps(corpus: Corpus, lock: int = -1) -> list[Step]:
    """All steps, in their order; commands that they run hold the lock's descriptor."""
    subwords, folder = Subwords(corpus), corpus.run_folder

    def binarise() -> Done:
        part = folder / f"{DATA}.part"
        for folder_before in (part, folder / DATA):
            shutil.rmtree(folder_before, ignore_errors=True)
        command = preprocessing_command(corpus.experiment, folder, part.name)
        try:
            run_jobs([Job("prepare", command, folder / "prepare.log")], ALONE, lock)
            os.rename(part, folder / DATA)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return Done(subwords.files, {})

    return [
        *corpus_steps(corpus),
        *subwords.steps(),
        Step("binary data", subwords.settings, (folder / DATA,), binarise),
    ]


def preprocessing_command(
    experiment: Experiment, folder: Path, destination: str = str(DATA)
) -> list[str]:
    """The fairseq-preprocess command: one joined dictionary, as shared embeddings need.

    fairseq reads a language model's text under its whole name, that of translations without the
    language.
    """
    cut = folder / SEGMENTATIONS[experiment.data.segmentation].MODEL.parent
    languages = experiment.languages
    if experiment.models.translates:
        ending, joined = "", ["--joined-dictionary"]
        joined += ["--source-lang", languages.source, "--target-lang", languages.target]
    else:
        ending, joined = f".{languages.source}", ["--only-source"]
    test_sets = (f"{cut / test_set.name}{ending}" for test_set in experiment.test_sets)
    return [
        fairseq_tool("fairseq-preprocess"),
        *joined,
        *("--trainpref", f"{cut / 'train'}{ending}"),
        *("--validpref", f"{cut / 'valid'}{ending}"),
        *("--testpref", ",".join(test_sets)),
        *("--workers", str(usable_cores())),
        *("--destdir", str(folder / destination)),
    ]
