"""The first stage: raw text to a corpus, a SentencePiece model and fairseq's binary data."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import sentencepiece

from ..corpus import libreoffice
from ..corpus.parallel_text import Segment, Split, clean, read_lines, read_parallel, split
from ..errors import SharingError
from .experiment import Experiment, settings_of
from .jobs import Job, fairseq_tool, run_jobs
from .stages import Stage, exclusive, sha256, write_json, write_lines

CORPORA = {"libreoffice": libreoffice.read_libreoffice}
MODEL = Path("spm", "joint.model")
DATA = Path("data-bin")


def prepare(experiment: Experiment, folder: Path, own_text: tuple[Path, Path] | None) -> None:
    """Fill corpus/, spm/ and data-bin/ of the run folder, unless that was done before.

    own_text is a source and a target file to use instead of the experiment's corpus.
    """
    if own_text:
        read_parallel(*own_text)
    text = [sha256(path) for path in own_text] if own_text else experiment.data.corpus
    stage = _stage(experiment, folder, text)
    stage.refuse_changes()
    if stage.is_finished():
        return
    with exclusive(folder) as lock:
        stage.start_over()
        manifest = build_corpus(experiment, folder / "corpus", own_text)
        encode(experiment, folder, list(manifest["segments"]))
        shutil.rmtree(folder / DATA, ignore_errors=True)
        run_jobs([_preprocessing(experiment, folder)], 1, lock)
        write_json(folder / "corpus" / "manifest.json", manifest)
        stage.finish()


def require_prepared(experiment: Experiment, folder: Path) -> None:
    """Raise SharingError unless the folder was prepared for this experiment, from any text."""
    recorded = _stage(experiment, folder, None).recorded() or {"data": {"corpus": None}}
    stage = _stage(experiment, folder, recorded["data"]["corpus"])
    stage.refuse_changes()
    if not stage.is_finished():
        raise SharingError(
            f"{folder} holds no prepared data: run fairseq-sharing prepare for it first"
        )


def _stage(experiment: Experiment, folder: Path, text: Any) -> Stage:
    """The stage with all that its outputs depend on; text names a corpus or holds checksums."""
    settings = {
        "languages": settings_of(experiment.languages),
        "data": settings_of(experiment.data) | {"corpus": text},
    }
    return Stage(folder, "prepare", settings, (folder / "corpus", folder / DATA))


def build_corpus(
    experiment: Experiment, corpus: Path, own_text: tuple[Path, Path] | None
) -> dict[str, Any]:
    """Write train, valid and test text; returns where it came from and its numbers of segments."""
    data, languages = experiment.data, experiment.languages
    origin: dict[str, str]
    if own_text:
        segments, origin = read_parallel(*own_text), {path.name: sha256(path) for path in own_text}
    elif data.corpus in CORPORA:
        read = CORPORA[data.corpus]
        segments, origin = read(corpus / "packages", languages.source, languages.target, data.sets)
    else:
        raise SharingError(f"[data] corpus = '{data.corpus}': choose from {', '.join(CORPORA)}")
    wanted = data.valid_segments or 0, data.test_segments or 0
    parts = split(clean(segments, data.max_words), *wanted)
    for name, part in parts._asdict().items():
        _write_part(experiment, corpus / name, part)
    return {
        "corpus": "own text" if own_text else data.corpus,
        "origin": origin,
        "segments": {name: len(part) for name, part in parts._asdict().items()},
    }


def encode(experiment: Experiment, folder: Path, parts: list[str]) -> None:
    """Train a joint SentencePiece model on the training text and split every part with it."""
    languages = dataclasses.astuple(experiment.languages)
    model = folder / MODEL
    model.parent.mkdir(exist_ok=True)
    try:
        sentencepiece.SentencePieceTrainer.train(
            input=[f"{folder}/corpus/train.{language}" for language in languages],
            model_prefix=str(model.with_suffix("")),
            vocab_size=experiment.data.vocabulary,
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].partition("] ")[2] or str(error)
        raise SharingError(
            f"[data] vocabulary = {experiment.data.vocabulary}: SentencePiece says: {reason}"
        ) from None
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    for part in parts:
        for language in languages:
            lines = read_lines(folder / "corpus" / f"{part}.{language}")
            pieces = processor.encode(lines, out_type=str)
            write_lines(model.parent / f"{part}.{language}", [" ".join(line) for line in pieces])


def _preprocessing(experiment: Experiment, folder: Path) -> Job:
    """The fairseq-preprocess command: one joined dictionary, as shared embeddings need."""
    spm = folder / MODEL.parent
    command = [fairseq_tool("fairseq-preprocess"), "--joined-dictionary"]
    command += ["--source-lang", experiment.languages.source]
    command += ["--target-lang", experiment.languages.target]
    for part in Split._fields:
        command += [f"--{part}pref", str(spm / part)]
    command += ["--destdir", str(folder / DATA)]
    return Job("prepare", command, folder / "prepare.log")


def _write_part(experiment: Experiment, prefix: Path, part: list[Segment]) -> None:
    languages = experiment.languages
    write_lines(Path(f"{prefix}.{languages.source}"), [segment.source for segment in part])
    write_lines(Path(f"{prefix}.{languages.target}"), [segment.target for segment in part])
