"""What is shared, sublayer by sublayer: the maps of one side of a model.

A layer is a self-attention, in the decoder of a translation model a cross-attention, and a
feed-forward, each with its norm. Each of them follows a map of its own (see ``strategies``). Where
all of them have the same map, whole layers are shared, as in Takase and Kiyono (2023). A decoder
may have the encoder's feed-forwards in place of its own, or none, as in Pires et al., "One Wide
Feedforward is All You Need" (2023).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import SharingError
from .strategies import LayerMap, format_layer_map

SUBLAYERS: dict[str, tuple[str, ...]] = {
    "self_attention": ("self_attn", "self_attn_layer_norm"),
    "cross_attention": ("encoder_attn", "encoder_attn_layer_norm"),
    "ffn": ("fc1", "fc2", "final_layer_norm"),
    "encoder_ffn": ("fc1", "fc2", "final_layer_norm"),
}
"""The modules of fairseq's layers that each sublayer is made of, in the order in which they run.

``encoder_ffn`` is that of a decoder which has the encoder's in place of its own: the numbers of its
map are those of the encoder's.
"""

WHOLE = "layer"
"""What a map is of that all sublayers have."""

GROUPS: dict[str, tuple[str, ...]] = {
    "all": ("self_attention", "cross_attention", "ffn"),
    "attention": ("self_attention", "cross_attention"),
    **{name: (name,) for name in ("self_attention", "cross_attention", "ffn")},
}
"""What ``--share-sublayers`` can name."""


def sublayers_of(side: str, sides: Iterable[str]) -> tuple[str, ...]:
    """The sublayers of ``side`` of a model of ``sides``; without an encoder nothing goes across."""
    crosses = side == "decoder" and "encoder" in sides
    return GROUPS["all"] if crosses else ("self_attention", "ffn")


def parse_sublayers(text: str) -> tuple[str, ...]:
    """The sublayers that the value of ``--share-sublayers`` names.

    >>> parse_sublayers("attention,ffn")
    ('self_attention', 'cross_attention', 'ffn')

    Raises SharingError for a name that is not in ``GROUPS``.
    """
    names = str(text).split(",")
    for name in names:
        if name not in GROUPS:
            raise SharingError(
                f"--share-sublayers {text}: unknown sublayer {name!r}; "
                f"give one or several, separated by commas, of {', '.join(GROUPS)}"
            )
    return tuple(dict.fromkeys(sublayer for name in names for sublayer in GROUPS[name]))


@dataclass(frozen=True)
class SideMap:
    """Which set of parameters each sublayer of each stacked layer of a side uses.

    ``sublayers`` has the map of each sublayer by its name, all of them of the same length.
    """

    sublayers: Mapping[str, LayerMap]

    @classmethod
    def of(cls, layers: LayerMap, sublayers: Iterable[str], shared: Iterable[str]) -> "SideMap":
        """That of layers of ``sublayers`` of which those ``shared`` have the map ``layers``."""
        own, shared = tuple(range(len(layers))), set(shared)
        return cls({name: layers if name in shared else own for name in sublayers})

    @property
    def parts(self) -> dict[str, LayerMap]:
        """The maps by what they are of: one of ``WHOLE`` layers if all are equal, else sublayers.

        So they are named in options, in state dicts, and to people.
        """
        first, *others = self.sublayers.values()
        if all(layers == first for layers in others) and "encoder_ffn" not in self.sublayers:
            return {WHOLE: first}
        return dict(self.sublayers)

    @property
    def layers(self) -> LayerMap:
        """The map of layers that have every sublayer in common.

        >>> SideMap({"self_attention": (0, 1, 2, 1), "ffn": (0, 0, 0, 0)}).layers
        (0, 1, 2, 1)
        """
        kinds: dict[tuple[int, ...], int] = {}
        used = zip(*self.sublayers.values(), strict=True)
        return tuple(kinds.setdefault(entries, len(kinds)) for entries in used)

    def at(self, positions: LayerMap) -> "SideMap":
        """That of a stack of these positions alone, which use every set of parameters."""
        return SideMap(
            {name: tuple(layers[p] for p in positions) for name, layers in self.sublayers.items()}
        )

    def options(self, side: str) -> dict[str, str]:
        """The options that ask for these maps on ``side``, by their names on the command line."""
        return {f"{side}_{part}_map": format_layer_map(m) for part, m in self.parts.items()}

    def __len__(self) -> int:
        """N, the number of stacked layers."""
        return len(self.layers)

    @property
    def unique(self) -> dict[str, int]:
        """M, the sets of parameters that there are of each of the ``parts``."""
        return {part: len(set(layers)) for part, layers in self.parts.items()}

    @property
    def short_counts(self) -> str:
        """M as a table's column has it: ``2``, or of each sublayer in turn, ``4,1``."""
        return ",".join(map(str, self.unique.values()))

    @property
    def counts(self) -> str:
        """``4 layers, 2 unique``, or ``4 layers, unique: 4 self-attention, 1 ffn``."""
        if WHOLE in self.unique:
            return f"{len(self)} layers, {self.unique[WHOLE]} unique"
        unique = ", ".join(f"{count} {in_words(part)}" for part, count in self.unique.items())
        return f"{len(self)} layers, unique: {unique}"

    def __str__(self) -> str:
        """``0,0,1,1``, or ``self-attention 0,1,2,3 ffn 0,0,1,1``."""
        parts = self.parts.items()
        return " ".join(f"{in_words(part)} {format_layer_map(m)}".strip() for part, m in parts)


def in_words(part: str) -> str:
    """What people are told that a map is of; nothing if it is of whole layers."""
    return "" if part == WHOLE else part.replace("_", "-")
