"""Checks of an experiment as a whole, before any work."""

import re
from itertools import pairwise

from ..errors import SharingError
from ..model.config import MAP_OPTIONS
from ..model.own import parse_own
from .bleu import check_tokenizer_name
from .experiment import Experiment, Languages
from .kinds import Kind, kind_of
from .positions import DEFAULT
from .positions import OPTIONS as POSITIONS
from .system import Options, System

TAKEN = {
    "systems": ("corpus", "spm", "bpe", "data-bin", "report"),
    "test sets": ("train", "valid"),
}
"""Names that a run folder or its corpus uses itself."""

_KEYS = (*MAP_OPTIONS, "share_sublayers", "own", "own_rank", "grow_depth_at")
SET_BY_KEYS = {name.replace("_", "-") for name in _KEYS}
KEYS = (
    "layer_map, share_sublayers, own, own_rank, encoder = {...}, decoder = {...} and grow_depth_at "
    "say it"
)


def check_experiment(experiment: Experiment) -> None:
    """Raise SharingError for wrong names, languages, maps, numbers of updates or seeds."""
    names = [system.name for system in experiment.systems]
    test_sets = [test_set.name for test_set in experiment.test_sets]
    models = kind_of(experiment.kind)
    for system in experiment.systems:
        _check_system(system, {**experiment.train, **system.options}, models)
    if not models.translates:
        _check_language_model(experiment)
    check(bool(test_sets), "test_sets is empty: leave it out for one held out from the corpus")
    for kind, group in (("systems", names), ("test sets", test_sets)):
        for name in group:
            _check_name(kind, name)
        check(len(set(group)) == len(group), f"two {kind} have the same name: {', '.join(group)}")
    _check_languages(experiment.languages, models)
    check_tokenizer_name(experiment.bleu_tokenizer)
    seeds = experiment.seeds
    check(
        bool(seeds) and all(type(seed) is int for seed in seeds) and len(set(seeds)) == len(seeds),
        f"seeds = {list(seeds)} must hold at least one whole number, each once, and nothing else",
    )


def check_baseline(experiment: Experiment) -> None:
    """Raise SharingError unless the baseline is one of the systems."""
    names = [system.name for system in experiment.systems]
    check(
        experiment.baseline in names,
        f"baseline '{experiment.baseline}' is no system; there are {', '.join(names)}",
    )


def _check_languages(languages: Languages, models: Kind) -> None:
    """Check that the languages differ and can be endings of file names."""
    check(
        not models.translates or bool(languages.target),
        "[languages]: 'target' is missing, the language that is translated into",
    )
    codes = (languages.source, languages.target) if languages.target else (languages.source, "")
    for code in filter(None, codes):
        check(
            re.fullmatch(r"\w[\w-]*", code) is not None,
            f"[languages] '{code}' must be a code such as en: letters, digits, _ and -",
        )
    check(codes[0] != codes[1], f"[languages] source and target are both '{codes[0]}'")


def _check_name(kind: str, name: str) -> None:
    check(
        re.fullmatch(r"\w[\w .+-]*", name) is not None,
        f"{kind}: name = '{name}' must be fit for a folder: letters, digits and _.+-",
    )
    check(
        name not in TAKEN[kind] and not (kind == "systems" and re.search(r"-seed\d+$", name)),
        f"{kind}: name = '{name}' is what other files are called: choose another",
    )


def _check_language_model(experiment: Experiment) -> None:
    """Check that nothing is asked for that only translations have."""
    check(experiment.bleu_tokenizer is None, "bleu_tokenizer is for translations")
    for system in experiment.systems:
        check(
            system.encoder is None,
            f"system {system.name}: encoder = {{...}}: a language model has no encoder",
        )


def _check_system(system: System, options: Options, models: Kind) -> None:
    system.maps(models.sides)
    parse_own(system.own, system.own_rank)
    updates = options.get("max-update")
    if type(updates) is not int:
        raise SharingError(
            f"system {system.name}: [train] max-update must be a whole number of updates"
        )
    check(
        system.layer_map is None or system.strategy is system.layers is None,
        f"system {system.name}: layer_map says how many layers there are and which share: leave "
        "out strategy and layers",
    )
    for name in POSITIONS:
        most = options.get(name, DEFAULT)
        check(
            type(most) is int and most > 1,
            f"system {system.name}: [train] {name} = {most} must be a whole number of tokens, "
            "at least 2",
        )
    for name in SET_BY_KEYS & options.keys():
        check(False, f"system {system.name}: the option '{name}' is a key of [[systems]]: {KEYS}")
    check(
        all(type(s) is int or (type(s) is float and 0 < s < 1) for s in system.grow_depth_at),
        f"system {system.name}: grow_depth_at = {list(system.grow_depth_at)} must hold numbers of "
        "updates, or parts of max-update between 0.0 and 1.0",
    )
    steps = system.schedule(updates).steps
    check(
        all(0 < a < b for a, b in pairwise((*steps, updates))),
        f"system {system.name}: grow_depth_at = {list(system.grow_depth_at)} must increase and lie "
        f"between 0 and max-update = {updates}",
    )


def check(condition: bool, message: str) -> None:
    """Raise SharingError with the message unless the condition holds."""
    if not condition:
        raise SharingError(message)
