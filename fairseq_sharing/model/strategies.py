"""Which unique layer each stacked layer uses: the maps of every sharing strategy.

A map is a tuple with one entry for each of the N stacked layers: the 0-based number of the
unique layer (of M) whose parameters it uses. Every map here uses each of 0..M-1, and their
first uses are in increasing order. ``sequence``, ``cycle`` and ``cycle_rev`` are those of Takase
and Kiyono, "Lessons on Parameter Sharing across Layers in Transformers" (2023), the ``middle_``
ones those of Bae et al., "Mixture-of-Recursions" (2025).
"""

from collections.abc import Callable

from ..errors import SharingError

LayerMap = tuple[int, ...]


def _none(num_layers: int, num_unique: int) -> LayerMap:
    """N=4: 0 1 2 3. Nothing is shared."""
    return tuple(range(num_layers))


def _universal(num_layers: int, num_unique: int) -> LayerMap:
    """N=4: 0 0 0 0. One layer, as in the Universal Transformer (Dehghani et al. 2019)."""
    return (0,) * num_layers


def _sequence(num_layers: int, num_unique: int) -> LayerMap:
    """N=6, M=3: 0 0 1 1 2 2. Neighbours share, in blocks as equal as can be, longer ones first."""
    size, longer = divmod(num_layers, num_unique)
    return tuple(u for u in range(num_unique) for _ in range(size + (u < longer)))


def _cycle(num_layers: int, num_unique: int) -> LayerMap:
    """N=6, M=3: 0 1 2 0 1 2. The M layers are stacked over and over."""
    return tuple(i % num_unique for i in range(num_layers))


def _cycle_rev(num_layers: int, num_unique: int) -> LayerMap:
    """N=6, M=3: 0 1 2 2 1 0. As cycle, but the last N - max(M, N - M) layers come down from M-1."""
    forward = max(num_unique, num_layers - num_unique)
    backward = num_layers - forward
    return _cycle(forward, num_unique) + tuple(num_unique - 1 - i for i in range(backward))


def _between_own_ends(inner: Callable[[int, int], LayerMap]) -> Callable[[int, int], LayerMap]:
    """The first and last layer have parameters of their own; those between share by ``inner``."""

    def strategy(num_layers: int, num_unique: int) -> LayerMap:
        middle = inner(num_layers - 2, num_unique - 2)
        return (0, *(1 + u for u in middle), num_unique - 1)

    return strategy


STRATEGIES: dict[str, Callable[[int, int], LayerMap]] = {
    "none": _none,
    "universal": _universal,
    "sequence": _sequence,
    "cycle": _cycle,
    "cycle_rev": _cycle_rev,
    "middle_cycle": _between_own_ends(_cycle),
    "middle_sequence": _between_own_ends(_sequence),
}

MOST_LAYERS = 10_000
"""Of a stack: far more than anyone trains, and few enough to be listed in an instant."""

FIXED_UNIQUE: dict[str, Callable[[int], int]] = {"none": lambda n: n, "universal": lambda n: 1}
"""The strategies that set M themselves, as a function of N."""


def layer_map(strategy: str, num_layers: int, num_unique: int | None = None) -> LayerMap:
    """The map of ``strategy`` for ``num_layers`` (N) stacked and ``num_unique`` (M) unique layers.

    ``none`` and ``universal`` set M themselves: leave it out, or give the M they have (N and 1).

    >>> layer_map("cycle_rev", 6, 3)
    (0, 1, 2, 2, 1, 0)

    Raises SharingError for an unknown strategy and for an N or M that it cannot take.
    """
    if strategy not in STRATEGIES:
        raise SharingError(
            f"unknown sharing strategy {strategy!r}; valid are {', '.join(STRATEGIES)}"
        )
    _check_count("number of layers", num_layers)
    if strategy in FIXED_UNIQUE:
        fixed = FIXED_UNIQUE[strategy](num_layers)
        if num_unique not in (None, fixed):
            raise SharingError(
                f"strategy {strategy} sets the number of unique layers itself (here {fixed}), "
                f"got {num_unique}; leave it out"
            )
        return STRATEGIES[strategy](num_layers, fixed)
    least = 3 if strategy.startswith("middle_") else 1
    if num_unique is None:
        raise SharingError(
            f"strategy {strategy} needs a number of unique layers, from {least} to {num_layers}"
        )
    _check_count("number of unique layers", num_unique)
    if not least <= num_unique <= num_layers:
        raise SharingError(
            f"strategy {strategy} with {num_layers} layers takes {least} to {num_layers} "
            f"unique layers, got {num_unique}"
            + ("; it needs at least 3 layers" if num_layers < least else "")
        )
    return STRATEGIES[strategy](num_layers, num_unique)


def _check_count(what: str, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SharingError(f"the {what} must be a whole number of at least 1, got {value!r}")
    if value > MOST_LAYERS:
        raise SharingError(f"the {what} must be at most {MOST_LAYERS:,}, got {value}")


def parse_layer_map(text: str, num_layers: int | None = None) -> LayerMap:
    """An explicit map from its text form, such as ``0,1,2,2,1,0``.

    Raises SharingError unless it has one whole number for each of ``num_layers`` layers (any
    number of them if None) and is valid as ``check_layer_map`` says.
    """
    layers = parse_numbers(text)
    check_layer_map(layers, num_layers)
    return layers


def parse_numbers(text: str) -> LayerMap:
    """The whole numbers of a map's text form; SharingError if it has anything else."""
    try:
        return tuple(int(entry) for entry in text.split(","))
    except (AttributeError, ValueError):  # what --model-overrides gives may be no text
        raise SharingError(
            f"layer map {text!r}: give whole numbers separated by commas, such as 0,1,2,2,1,0"
        ) from None


def check_layer_map(layers: LayerMap, num_layers: int | None = None) -> None:
    """Raise SharingError unless ``layers`` numbers its unique layers 0, 1, 2, ... by first use."""
    shown = format_layer_map(layers)
    if num_layers is not None and len(layers) != num_layers:
        raise SharingError(
            f"layer map {shown} has {len(layers)} entries for {num_layers} layers; "
            "give one entry a layer"
        )
    unique = 0
    for position, entry in enumerate(layers):
        if not 0 <= entry <= unique:
            raise SharingError(
                f"layer map {shown}: entry {entry} at layer {position} must be from 0 to {unique}; "
                "number unique layers 0, 1, 2, ... in the order of their first use"
            )
        unique = max(unique, entry + 1)
    if not unique:
        raise SharingError("an empty layer map; give one entry a layer, such as 0,1,2,2,1,0")


def num_unique_layers(layers: LayerMap) -> int:
    """M, the number of unique layers of a map; 0 if it has none."""
    return max(layers, default=-1) + 1


def first_uses(layers: LayerMap) -> LayerMap:
    """For each stacked layer, the first with the same parameters: 0 1 1 0 for map 0 1 1 0."""
    return tuple(layers.index(entry) for entry in layers)


def format_layer_map(layers: LayerMap) -> str:
    """The text form of a map, which ``parse_layer_map`` reads back."""
    return ",".join(map(str, layers))
