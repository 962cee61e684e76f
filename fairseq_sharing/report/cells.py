"""What stands in a cell of the report's tables, as text."""

from collections.abc import Callable, Iterable, Sequence

from .rows import Figure, Row

Cells = tuple[str, ...]


def headings(sets: list[str]) -> list[str]:
    """Names of test sets without the word that all begin with: 2013, 2014 for newstest2013, ..."""
    words = {name.rstrip("0123456789") for name in sets}
    word = max(words, default="")
    numbers = [name.removeprefix(word) for name in sets]
    return numbers if len(words) == 1 and word[-1:].isalpha() and all(numbers) else sets


def depths(row: Row) -> Cells:
    """M and N, of encoder and decoder where they differ; of N, what a training reached."""
    maps = row.first.run.maps
    reached = [
        depth if depth == len(side_map) else f"{depth} of {len(side_map)}"
        for side, side_map in maps.items()
        for depth in [min(training.depth_of(side) for training in row.trainings)]
    ]
    return both_sides(one.short_counts for one in maps.values()), both_sides(reached)


def both_sides(numbers: Iterable[int | str]) -> str:
    """A number for the encoder and one for the decoder; only one where they are the same."""
    return "+".join(dict.fromkeys(map(str, numbers)))


def figure_of(figure: Figure, decimals: int) -> str:
    spread = "" if figure.spread is None else f" ± {figure.spread:.{decimals}f}"
    return f"{figure.mean:.{decimals}f}{spread}"


def ends(values: Iterable[float], form: Callable[[float], str]) -> str:
    """The lowest and the highest, or one where they are the same."""
    ordered = sorted(values)
    return "–".join(dict.fromkeys(map(form, ordered[:1] + ordered[-1:]))) or "-"


def p_value(value: float) -> str:
    """Three decimals, never none but zeros."""
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"


def speed_of(value: float | None) -> str:
    return "-" if value is None else f"x{value:.2f}"


def number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"


def decimals_of(values: Sequence[float]) -> Cells:
    return tuple(f"{value:.2f}" for value in values)
