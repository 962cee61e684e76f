"""Notes below the tables: how the figures were made, and what they leave out."""

from ..corpus.counts import TOO_LONG, in_words, too_long_in_words
from ..evaluation.perplexity import LEAST_DOCUMENTS, Perplexity
from ..model.sublayers import in_words as in_words_of_part
from .records import counts_of
from .significance import TESTS
from .speeds import hardware
from .summary import Report


def notes_of_results(report: Report) -> list[str]:
    """One paragraph on all columns, then what the scores are of."""
    sources = dict.fromkeys(speed.source for row in report.rows for speed in row.relative_speeds)
    sets = report.test_sets
    several = len(sets) > 1
    parts = [
        _updates(report),
        f"training speed relative to {report.baseline}, {', '.join(sources)}",
        _sublayers(report),
        _spread(report),
        f"p-value of a {TESTS[report.test]} against {report.baseline}"
        + (" on all test sets together" if several else "")
        + (", seed against seed, lowest–highest" if report.several_seeds else ""),
        _segments(report),
        _options(report),
    ]
    scores = [score for training in report.trainings for score in training.scores.values()]
    signatures = [] if _of_language_models(report) else [f"BLEU {s.bleu_signature}" for s in scores]
    if signatures and not several:
        signatures += [f"chrF {score.chrf_signature}" for score in scores]
    text = _training_text(report)
    return ["; ".join(part for part in parts if part) + ".", *text, *dict.fromkeys(signatures)]


def _options(report: Report) -> str:
    """The options of [generate] that were not the same for all systems, if there are any."""
    runs = [training.run for training in report.trainings]
    used = [
        (run.name, {"average_epochs": run.experiment.average_epochs, **run.experiment.generate})
        for run in runs
    ]
    differ = []
    for option in sorted({option for _, options in used for option in options} - {"max-tokens"}):
        systems: dict[str, list[str]] = {}
        for name, options in used:
            systems.setdefault(str(options.get(option)), []).append(name)
        if len(systems) > 1:
            values = (f"{value} ({', '.join(names)})" for value, names in systems.items())
            differ.append(f"{option} {' and '.join(values)}")
    return f"not the same for all: {', '.join(differ)}" if differ else ""


def _sublayers(report: Report) -> str:
    """What M is where sublayers have maps of their own."""
    maps = [side_map for row in report.rows for side_map in row.first.run.maps.values()]
    most = max((side_map.unique for side_map in maps), key=len)
    return f"M of {', '.join(map(in_words_of_part, most))} in turn" if len(most) > 1 else ""


def notes_on_times(report: Report) -> list[str]:
    """The note on minutes and on the loss that they lead to."""
    machines = [hardware(training) for training in report.trainings]
    several = any(machine != machines[0] for machine in machines)
    return [
        "Minutes are of updates alone, at the speed measured, without validation and pauses"
        + ("; not all runs had the same hardware" if several else "")
        + (". Means over seeds; - unless every seed gets there." if report.several_seeds else ".")
    ]


def notes_on_paper(report: Report) -> list[str]:
    """The note on the paper's figures."""
    table = report.paper_table
    return [
        "Paper: Takase and Kiyono, Lessons on Parameter Sharing across Layers in Transformers "
        f"(SustaiNLP 2023, arXiv 2104.06022), {table.name}: {table.subject}. Here: speed relative "
        f"to {report.baseline}. Difference: here minus paper."
    ]


def _training_text(report: Report) -> list[str]:
    """The note on training text: read, kept and dropped, for each run folder that records it."""
    said: dict[str, None] = {}
    for training in report.trainings:
        counts = counts_of(training.run, "corpus", "encoding")
        if pairs := counts[0].get("pairs"):
            line = f"Training text: {in_words(pairs, training.run.experiment.models.unit)}"
            if number := counts[1].get(TOO_LONG):
                line += f"; then {too_long_in_words(number)}"
            said[line + "."] = None
    return list(said)


def _updates(report: Report) -> str:
    updates = {training.updates for training in report.trainings}
    return f"{updates.pop():,} updates each" if len(updates) == 1 else "updates differ, see below"


def _of_language_models(report: Report) -> bool:
    return not report.rows[0].first.run.experiment.models.translates


def _segments(report: Report) -> str:
    """What is scored: every token of a language model's test set, or segments."""
    sets = report.test_sets
    several = len(sets) > 1
    if _of_language_models(report):
        scores = report.rows[0].first.scores
        return "; ".join(
            (f"{name}: " if several else "") + _tokens(score) for name, score in scores.items()
        )
    return f"{len(report.references)} segments" + (f" of {', '.join(sets)}" if several else "")


def _tokens(score: Perplexity) -> str:
    few = f", fewer than the {LEAST_DOCUMENTS} that intervals and p-values need"
    return (
        f"perplexity of {score.tokens:,} tokens, and of the same text by its {score.words:,} "
        f"words, ends of lines included; documents: {score.documents:,}"
        + (few if score.documents < LEAST_DOCUMENTS else "")
    )


def _spread(report: Report) -> str:
    first = report.rows[0].first
    main = first.measures.main
    name = f"{main.name} (lower is better)" if main.less_is_better else main.name
    if all(first.measures.main.interval(score) is None for score in first.scores.values()):
        return name
    if not report.several_seeds:
        return f"{name} with its 95 % interval"
    seeds = {len(row.trainings) for row in report.rows}
    count = f"{seeds.pop()} seeds" if len(seeds) == 1 else "seeds where there are several"
    return f"{name} as mean ± standard deviation over {count}"
