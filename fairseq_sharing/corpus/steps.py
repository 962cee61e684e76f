"""The steps of a preparation that make text: named test sets, and the corpus without them."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import SharingError
from ..files import digest, write_lines
from ..progress import counted
from .cleaning import kept_of, normalise
from .counts import Counts, in_words, total
from .holding_out import TooLittleText, hold_out_of, split
from .manifest import Done, Step
from .named_sets import rules_of
from .parallel_text import Segment, Sets, key, stream_lines
from .sources import OF_ONES_OWN, open_corpus, open_files
from .streams import writing
from .texts import TRAIN, Corpus


def corpus_steps(corpus: Corpus) -> list[Step]:
    """Named sets, if there are any, and then what is cut from the corpus."""
    cut = [part for part in corpus.parts if part not in corpus.named]
    named = Step(
        "named sets",
        corpus.named_sets.settings(),
        (*corpus.files(corpus.named), *corpus.documents(corpus.named)),
        partial(_write_named_sets, corpus),
    )
    rest = Step(
        "corpus",
        _settings(corpus),
        (*corpus.files(cut), *corpus.documents(corpus.held_out)),
        partial(_write_corpus, corpus),
    )
    return [named, rest] if corpus.named else [rest]


def _settings(corpus: Corpus) -> dict[str, Any]:
    """All that decides what is cut from the corpus; what came later is left out if not set."""
    data = corpus.experiment.data
    settings = {
        "corpus": corpus.text,
        "sets": data.sets,
        "languages": list(corpus.languages),
        "max_words": data.max_words,
        "max_ratio": data.max_ratio,
        "identify_languages": data.identify_languages,
        "held_out": corpus.held_out,
        "named": list(corpus.named),
    }
    if data.held_out_sets:
        settings["held_out_sets"] = data.held_out_sets
    if data.verbatim:
        settings["verbatim"] = True
    if not corpus.experiment.models.translates:
        settings["kind"] = corpus.experiment.kind
    return settings


def _write_named_sets(corpus: Corpus) -> Done:
    return corpus.named_sets.write(
        {name: corpus.files([name]) for name in corpus.named},
        {name: corpus.documents([name]) for name in corpus.named},
    )


def _write_corpus(corpus: Corpus) -> Done:
    """Write what cleaning keeps: the sets that are held out of it, and the rest to train on."""
    data, unit = corpus.experiment.data, corpus.experiment.models.unit
    corpus.folder.mkdir(parents=True, exist_ok=True)
    if corpus.own_text:
        source = open_files(*corpus.own_text, verbatim=data.verbatim)
    else:
        source = open_corpus(data.corpus, data.sets, corpus.languages, corpus.folder)
    named = [corpus.files([name])[0] for name in corpus.named]
    rules = rules_of(corpus.experiment, _tested_on(corpus, named))
    sets: Sets = {name: counted(s, f"{unit} of {name}") for name, s in source.sets.items()}
    if not corpus.own_text:
        sets = hold_out_of(sets, data.held_out_sets)
    of_sets: Counts = {}
    kept = kept_of(sets, rules, corpus.folder, of_sets)
    try:
        held_out, rest = split(kept, corpus.held_out, corpus.folder)
    except TooLittleText as error:
        raise SharingError(f"{error}; {in_words(total(of_sets), unit)}") from None
    segments = {part: _write(corpus, part, held_out[part]) for part in held_out}
    for part, file in zip(held_out, corpus.documents(held_out), strict=False):
        write_lines(file, [segment.document or "" for segment in held_out[part]])
    segments[TRAIN] = _write(corpus, TRAIN, rest)
    of_named = {file.stem: sum(1 for _ in stream_lines(file)) for file in named}
    facts = {
        "corpus": OF_ONES_OWN if corpus.own_text else data.corpus,
        "origin": {file.name: digest(file) for file in source.files},
        "segments": {part: (segments | of_named)[part] for part in corpus.parts},
    }
    counts = {"pairs": total(of_sets), "sets": of_sets, "segments": segments}
    return Done([*source.files, *named], counts, facts)


def _tested_on(corpus: Corpus, named: list[Path]) -> frozenset[str]:
    """The keys of all source texts in the files of named sets, none if nothing is dropped."""
    files = [] if corpus.experiment.data.verbatim else named
    return frozenset(key(normalise(line)) for file in files for line in stream_lines(file))


def _write(corpus: Corpus, part: str, segments: Iterable[Segment]) -> int:
    """Write the sides of a part; returns its number of segments."""
    number = 0
    with writing(*corpus.files([part])) as files:
        for segment in segments:
            for file, text in zip(files, (segment.source, segment.target), strict=False):
                file.write(text + "\n")
            number += 1
    return number
