"""A system of an experiment: the layers of each side, how they share and when they grow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import SharingError
from ..model.config import SIDES
from ..model.growth import Schedule
from ..model.strategies import LayerMap, format_layer_map, layer_map, parse_layer_map

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """How the encoder or the decoder shares: by a strategy, or by an explicit map."""

    strategy: str | None = None
    layers: int | None = None
    unique_layers: int | None = None
    layer_map: str | None = None

    def map(self) -> LayerMap:
        """The map of its layers; SharingError where there is none."""
        if self.layer_map is not None:
            if self.strategy is not None or self.unique_layers is not None:
                raise SharingError(
                    f"layer_map = '{self.layer_map}' takes the place of strategy and "
                    "unique_layers: leave these out"
                )
            return parse_layer_map(self.layer_map, self.layers)
        if self.strategy is None or self.layers is None:
            raise SharingError("needs strategy and layers, or layer_map")
        return layer_map(self.strategy, self.layers, self.unique_layers)


@dataclass(frozen=True)
class System:
    """A model: which layers share, and the fairseq-train options that are its own.

    encoder and decoder are given for a side that differs from the other. grow_depth_at are the
    updates after which the stacks become deeper: integers are numbers of updates, fractions are
    shares of max-update. paper is the row of the paper's Table 1 that it reproduces, as METHOD M/N.
    """

    name: str
    strategy: str | None = None
    layers: int | None = None
    unique_layers: int | None = None
    layer_map: str | None = None
    encoder: Side | None = None
    decoder: Side | None = None
    grow_depth_at: tuple[int | float, ...] = ()
    options: Options = field(default_factory=dict)
    paper: str | None = None

    def side(self, name: str) -> Side:
        """How "encoder" or "decoder" shares."""
        own = getattr(self, name)
        return own or Side(self.strategy, self.layers, self.unique_layers, self.layer_map)

    def maps(self, sides: Sequence[str] = SIDES) -> dict[str, LayerMap]:
        """The map of each of the sides; SharingError names the one at fault."""
        found = {}
        for name in sides:
            try:
                found[name] = self.side(name).map()
            except SharingError as error:
                where = f" {name}:" if getattr(self, name) else ""
                raise SharingError(f"system {self.name}:{where} {error}") from None
        return found

    def schedule(self, max_update: int) -> Schedule:
        """When the stacks become deeper in a training of so many updates."""
        steps = (round(s * max_update) if isinstance(s, float) else s for s in self.grow_depth_at)
        return Schedule(tuple(steps))

    def flags(self, max_update: int, names: Sequence[str] = SIDES) -> dict[str, Any]:
        """The options of fairseq-train that ask for the layers of these sides, and for growth."""
        sides = [self.side(name) for name in names]
        growth = {"grow-depth-at": str(self.schedule(max_update))} if self.grow_depth_at else {}
        if len({side.strategy for side in sides}) > 1 or any(side.layer_map for side in sides):
            return growth | {
                option: value
                for name, layers in self.maps(names).items()
                for option, value in (
                    (f"{name}-layers", len(layers)),
                    (f"{name}-layer-map", format_layer_map(layers)),
                )
            }
        flags: dict[str, Any] = {"sharing-strategy": sides[0].strategy}
        for name, side in zip(names, sides, strict=True):
            flags[f"{name}-layers"] = side.layers
            if side.unique_layers is not None:
                flags[f"{name}-unique-layers"] = side.unique_layers
        return flags | growth
