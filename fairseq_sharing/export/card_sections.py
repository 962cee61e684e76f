"""Sections of a model card in Markdown: the model, its data and its scores."""

from collections.abc import Sequence
from typing import Any

from rich.filesize import decimal

from ..model.sublayers import SideMap


def model(facts: dict[str, Any], size: int, quantization: str) -> str:
    """Maps, sizes and training, from the facts of ``inspect``; ``size`` is in bytes."""
    rows = [
        (f"{side} map", f"{side_map} ({side_map.counts})")
        for side, layers in facts["sides"].items()
        for side_map in [SideMap(layers["maps"])]
    ]
    rows += [
        ("parameters, each once", f"{facts['parameters']:,}"),
        ("unshared at the same depth", f"{facts['parameters_unshared']:,}"),
        ("each position's own", facts["own"]),
        ("residual scaling", facts["residual_scaling"]),
        ("updates", f"{facts['updates']:,}"),
        ("size of this folder", f"{decimal(size)} ({quantization})"),
    ]
    return "## Model\n\n" + _table(("", ""), rows)


def data(corpus: dict[str, Any]) -> str:
    """What it was trained on, by the corpus's manifest; empty without one."""
    if not corpus:
        return ""
    segments = ", ".join(f"{count:,} {part}" for part, count in corpus["segments"].items())
    origin = "\n".join(
        f"- `{name}` (SHA-256 {digest})" for name, digest in corpus["origin"].items()
    )
    return f"## Data\n\nCorpus {corpus['corpus']}; segments: {segments}.\n\n{origin}"


def scores_of_texts(scores: dict[str, Any], of: str, precision: str) -> str:
    """Perplexities by test set; ``of`` says which file was scored."""
    rows = [
        (
            name,
            f"{score['tokens']:,}",
            f"{score['perplexity']:.2f}",
            f"{score['word_perplexity']:.2f}",
        )
        for name, score in scores.items()
    ]
    head = ("test set", "tokens", "perplexity", "a word")
    return f"## Scores\n\nOf {of}, by fairseq in {precision}.\n\n" + _table(head, rows)


def scores_of_translations(scores: dict[str, Any], of: str, precision: str) -> str:
    """BLEU and chrF by test set; ``of`` says which file was scored."""
    rows = [
        (
            name,
            f"{score['segments']}",
            f"{score['bleu']:.1f} ± {score['bleu_interval']:.1f}",
            f"{score['chrf']:.1f} ± {score['chrf_interval']:.1f}",
        )
        for name, score in scores.items()
    ]
    first = next(iter(scores.values()))
    return (
        "## Scores\n\n"
        f"Of {of}, decoded by fairseq in {precision}, with 95 % intervals.\n\n"
        + _table(("test set", "segments", "BLEU", "chrF"), rows)
        + f"\n\n- BLEU `{first['bleu_signature']}`\n- chrF `{first['chrf_signature']}`"
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
