"""A system of an experiment: the layers of each side, how they share and when they grow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import SharingError
from ..model.config import SIDES
from ..model.growth import Schedule
from ..model.strategies import LayerMap, layer_map, parse_layer_map, parse_numbers
from ..model.sublayers import SUBLAYERS, WHOLE, SideMap, parse_sublayers, sublayers_of

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """How the encoder or the decoder shares: by a strategy, by an explicit map, or by several.

    A map of a sublayer (see ``model.sublayers``) leaves those unshared that have none.
    """

    strategy: str | None = None
    layers: int | None = None
    unique_layers: int | None = None
    layer_map: str | None = None
    self_attention_map: str | None = None
    cross_attention_map: str | None = None
    ffn_map: str | None = None
    encoder_ffn_map: str | None = None

    @property
    def explicit(self) -> dict[str, str]:
        """The maps that are given in full, by what they are of."""
        given = {part: getattr(self, f"{part}_map") for part in (WHOLE, *SUBLAYERS)}
        return {part: text for part, text in given.items() if text is not None}

    def map(self, sublayers: Sequence[str], shared: str = "all") -> SideMap:
        """The map of layers of ``sublayers`` of which those ``shared`` share.

        Raises SharingError where there is none.
        """
        for part, text in self.explicit.items():
            if self.strategy is not None or self.unique_layers is not None:
                raise SharingError(
                    f"{part}_map = '{text}' takes the place of strategy and "
                    "unique_layers: leave these out"
                )
            if part != WHOLE and (part not in sublayers or shared != "all"):
                raise SharingError(
                    f"{part}_map = '{text}': share_sublayers is given, too, or this side has no "
                    f"{part}: leave it out"
                )
        if not self.explicit.keys() - {WHOLE}:
            return SideMap.of(self._layers(), sublayers, parse_sublayers(shared))
        if WHOLE in self.explicit:
            raise SharingError(f"layer_map = '{self.layer_map}' is of all sublayers: leave it out")
        maps = {
            name: parse_layer_map(text, self.layers)
            for name, text in self.explicit.items()
            if name != "encoder_ffn"
        }
        if self.encoder_ffn_map is not None:
            maps["encoder_ffn"] = parse_numbers(self.encoder_ffn_map)
        depths = {len(layers) for layers in maps.values()}
        if len(depths) > 1:
            raise SharingError(f"maps of {' and '.join(map(str, sorted(depths)))} layers")
        own = tuple(range(depths.pop()))
        return SideMap({name: maps.get(name, own) for name in sublayers})

    def _layers(self) -> LayerMap:
        if self.layer_map is not None:
            return parse_layer_map(self.layer_map, self.layers)
        if self.strategy is None or self.layers is None:
            raise SharingError("needs strategy and layers, or layer_map")
        return layer_map(self.strategy, self.layers, self.unique_layers)


@dataclass(frozen=True)
class System:
    """A model: which layers share, and the fairseq-train options that are its own.

    encoder and decoder are given for a side that differs from the other. share_sublayers are those
    that share, own and own_rank what a layer keeps, as of fairseq-train. grow_depth_at are the
    updates after which the stacks become deeper: integers are numbers of updates, fractions are
    shares of max-update. paper is the row of the paper's Table 1 that it reproduces, as METHOD M/N.
    """

    name: str
    strategy: str | None = None
    layers: int | None = None
    unique_layers: int | None = None
    layer_map: str | None = None
    share_sublayers: str = "all"
    own: str = "none"
    own_rank: int | None = None
    encoder: Side | None = None
    decoder: Side | None = None
    grow_depth_at: tuple[int | float, ...] = ()
    options: Options = field(default_factory=dict)
    paper: str | None = None

    def side(self, name: str) -> Side:
        """How "encoder" or "decoder" shares."""
        own = getattr(self, name)
        return own or Side(self.strategy, self.layers, self.unique_layers, self.layer_map)

    def maps(self, sides: Sequence[str] = SIDES) -> dict[str, SideMap]:
        """The map of each of the sides; SharingError names the one at fault."""
        found = {}
        for name in sides:
            try:
                found[name] = self._map(name, sides)
            except SharingError as error:
                where = f" {name}:" if getattr(self, name) else ""
                raise SharingError(f"system {self.name}:{where} {error}") from None
        return found

    def _map(self, name: str, sides: Sequence[str]) -> SideMap:
        side, sublayers = self.side(name), list(sublayers_of(name, sides))
        if name == "decoder" and self.options.get("no-decoder-ffn"):
            sublayers.remove("ffn")
        elif side.encoder_ffn_map is not None and "encoder" in sides and name == "decoder":
            sublayers[-1] = "encoder_ffn"
        return side.map(sublayers, self.share_sublayers)

    def schedule(self, max_update: int) -> Schedule:
        """When the stacks become deeper in a training of so many updates."""
        steps = (round(s * max_update) if isinstance(s, float) else s for s in self.grow_depth_at)
        return Schedule(tuple(steps))

    def flags(self, max_update: int, names: Sequence[str] = SIDES) -> dict[str, Any]:
        """The options of fairseq-train that ask for the layers of these sides, and for growth."""
        sides = [self.side(name) for name in names]
        others = {
            "own": None if self.own == "none" else self.own,
            "own-rank": self.own_rank,
            "grow-depth-at": str(self.schedule(max_update)) if self.grow_depth_at else None,
        }
        flags: dict[str, Any] = {k: v for k, v in others.items() if v is not None}
        if len({side.strategy for side in sides}) > 1 or any(side.explicit for side in sides):
            for name, side_map in self.maps(names).items():
                flags[f"{name}-layers"] = len(side_map)
                flags |= {k.replace("_", "-"): v for k, v in side_map.options(name).items()}
            return flags
        flags["sharing-strategy"] = sides[0].strategy
        if self.share_sublayers != "all":
            flags["share-sublayers"] = self.share_sublayers
        for name, side in zip(names, sides, strict=True):
            flags[f"{name}-layers"] = side.layers
            if side.unique_layers is not None:
                flags[f"{name}-unique-layers"] = side.unique_layers
        return flags
