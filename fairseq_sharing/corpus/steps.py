"""The steps of a preparation that make text: named test sets, and the corpus without them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import SharingError
from ..experiment.bleu import bleu_of
from ..experiment.experiment import Experiment
from ..files import digest, sha256, write_lines
from ..progress import counted
from .cleaning import kept_of, normalise
from .counts import Counts, in_words, total
from .holding_out import TooLittleText, hold_out_of, split
from .identification import require_identification
from .manifest import Done, Step
from .named_sets import VALID, NamedSets, rules_of
from .parallel_text import Segment, Sets, key, stream_lines
from .sources import OF_ONES_OWN, check_corpus, open_corpus, open_files
from .streams import writing

TRAIN = "train"


@dataclass(frozen=True)
class Corpus:
    """The text of an experiment in its run folder, from its corpus or the user's own files."""

    experiment: Experiment
    run_folder: Path
    own_text: tuple[Path, ...] | None

    @property
    def folder(self) -> Path:
        return self.run_folder / "corpus"

    @property
    def languages(self) -> tuple[str, str]:
        return self.named_sets.languages

    @cached_property
    def text(self) -> str | list[str]:
        """The training text as it is recorded: a corpus, or checksums of the user's own files."""
        if self.own_text is None:
            return self.experiment.data.corpus
        open_files(*self.own_text)
        return [sha256(path) for path in self.own_text]

    @cached_property
    def named_sets(self) -> NamedSets:
        """The sets that are not held out of the corpus."""
        return NamedSets(self.experiment)

    @property
    def named(self) -> dict[str, str]:
        """The origin of each of them."""
        return self.named_sets.origins

    @property
    def parts(self) -> list[str]:
        """Training text, validation set and test sets."""
        return [TRAIN, VALID, *(test_set.name for test_set in self.experiment.test_sets)]

    def files(self, parts: Iterable[str]) -> tuple[Path, ...]:
        """The sides of each part that models read: both, or a language model's."""
        read = self.experiment.read_languages
        return tuple(self.folder / f"{part}.{language}" for part in parts for language in read)

    def documents(self, parts: Iterable[str]) -> tuple[Path, ...]:
        """The names of the documents of each part's segments, a line each: a language model's."""
        if self.experiment.models.translates:
            return ()
        return tuple(self.folder / f"{part}.documents" for part in parts)

    def check(self) -> None:
        """Raise SharingError for an unknown corpus, set or language, or a tokeniser of BLEU.

        Fetches nothing but what that tokeniser needs.
        """
        data = self.experiment.data
        if self.experiment.models.translates:
            bleu_of(self.experiment)
        if self.own_text is None:
            check_corpus(data.corpus, data.sets, self.languages, verbatim=data.verbatim)
        if data.identify_languages:
            require_identification(self.languages)
        self.named_sets.check()

    def steps(self) -> list[Step]:
        """Named sets, if there are any, and then what is cut from the corpus."""
        data = self.experiment.data
        languages = list(self.languages)
        settings = {
            "corpus": self.text,
            "sets": data.sets,
            "languages": languages,
            "max_words": data.max_words,
            "max_ratio": data.max_ratio,
            "identify_languages": data.identify_languages,
            "held_out": self._held_out(),
            "named": list(self.named),
        }
        if data.held_out_sets:
            settings["held_out_sets"] = data.held_out_sets
        if data.verbatim:
            settings["verbatim"] = True
        cut = [part for part in self.parts if part not in self.named]
        named = Step(
            "named sets",
            self.named_sets.settings(),
            (*self.files(self.named), *self.documents(self.named)),
            self._write_named_sets,
        )
        if not self.experiment.models.translates:
            settings["kind"] = self.experiment.kind
        outputs = (*self.files(cut), *self.documents(self._held_out()))
        corpus = Step("corpus", settings, outputs, self._write_corpus)
        return [named, corpus] if self.named else [corpus]

    def _held_out(self) -> dict[str, int]:
        """The segments of each set that is held out of the corpus."""
        data = self.experiment.data
        sizes = dict.fromkeys(self.parts[2:], data.test_segments or 0)
        sizes[VALID] = data.valid_segments or 0
        return {part: size for part, size in sizes.items() if part not in self.named}

    def _write_named_sets(self) -> Done:
        return self.named_sets.write(
            {name: self.files([name]) for name in self.named},
            {name: self.documents([name]) for name in self.named},
        )

    def _write_corpus(self) -> Done:
        """Write what cleaning keeps: the sets that are held out of it, and the rest to train on."""
        data, unit = self.experiment.data, self.experiment.models.unit
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.own_text:
            source = open_files(*self.own_text, verbatim=data.verbatim)
        else:
            source = open_corpus(data.corpus, data.sets, self.languages, self.folder)
        named = [self.files([name])[0] for name in self.named]
        rules = rules_of(self.experiment, self._tested_on(named))
        sets: Sets = {name: counted(s, f"{unit} of {name}") for name, s in source.sets.items()}
        if not self.own_text:
            sets = hold_out_of(sets, data.held_out_sets)
        of_sets: Counts = {}
        kept = kept_of(sets, rules, self.folder, of_sets)
        try:
            held_out, rest = split(kept, self._held_out(), self.folder)
        except TooLittleText as error:
            raise SharingError(f"{error}; {in_words(total(of_sets), unit)}") from None
        segments = {part: self._write(part, held_out[part]) for part in held_out}
        for part, file in zip(held_out, self.documents(held_out), strict=False):
            write_lines(file, [segment.document or "" for segment in held_out[part]])
        segments[TRAIN] = self._write(TRAIN, rest)
        of_named = {file.stem: sum(1 for _ in stream_lines(file)) for file in named}
        facts = {
            "corpus": OF_ONES_OWN if self.own_text else data.corpus,
            "origin": {file.name: digest(file) for file in source.files},
            "segments": {part: (segments | of_named)[part] for part in self.parts},
        }
        counts = {"pairs": total(of_sets), "sets": of_sets, "segments": segments}
        return Done([*source.files, *named], counts, facts)

    def _tested_on(self, named: list[Path]) -> frozenset[str]:
        """The keys of all source texts in the files of named sets, none if nothing is dropped."""
        files = [] if self.experiment.data.verbatim else named
        return frozenset(key(normalise(line)) for file in files for line in stream_lines(file))

    def _write(self, part: str, segments: Iterable[Segment]) -> int:
        """Write the sides of a part; returns its number of segments."""
        number = 0
        with writing(*self.files([part])) as files:
            for segment in segments:
                for file, text in zip(files, (segment.source, segment.target), strict=False):
                    file.write(text + "\n")
                number += 1
        return number
