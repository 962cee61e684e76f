"""The state dict of a shared model: every parameter once, its map beside it, and the way back.

fairseq copies each entry of a state dict to the CPU by itself before saving, which would store a
tied parameter once for each of its names.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import SharingError
from .strategies import LayerMap
from .sublayers import SUBLAYERS, WHOLE, SideMap

MAP_KEY = "{side}.{part}_map"
"""A side's map is one entry, of ``WHOLE`` layers, where all sublayers have the same; else several.
"""


def encode_map(layer_map: LayerMap) -> Tensor:
    """A map as it is stored, (N,) in float32: fairseq's EMA does arithmetic on every entry."""
    return torch.tensor(layer_map, dtype=torch.float32, device="cpu")


def decode_map(stored: Tensor) -> LayerMap:
    """The map that ``encode_map`` stored, whatever precision it went through since."""
    return tuple(int(entry) for entry in stored.float().round().tolist())


def is_map(name: str) -> bool:
    """Whether an entry of a state dict is a stored map of a side."""
    return name.endswith(tuple(MAP_KEY.format(side="", part=part) for part in (WHOLE, *SUBLAYERS)))


def store_map(state: dict[str, Any], side: str, side_map: SideMap, prefix: str = "") -> None:
    """Add the map of a side to ``state``."""
    for part, layers in side_map.parts.items():
        state[prefix + MAP_KEY.format(side=side, part=part)] = encode_map(layers)


def take_map(state: dict[str, Any], side: str) -> SideMap | None:
    """The map of a side that ``state`` holds, if any, which is taken out of it.

    Of one that is the same for all sublayers it is not said which sublayers there are.
    """
    keys = {part: MAP_KEY.format(side=side, part=part) for part in (WHOLE, *SUBLAYERS)}
    found = {part: decode_map(state.pop(key)) for part, key in keys.items() if key in state}
    return SideMap(found) if found else None


def compact_state(
    state: dict[str, Any],
    aliases: Mapping[str, str],
    maps: Mapping[str, SideMap],
    prefix: str = "",
) -> None:
    """Drop the further names of tied parameters from ``state`` and add the maps, in place."""
    for alias in aliases:
        state.pop(prefix + alias, None)
    for side, side_map in maps.items():
        store_map(state, side, side_map, prefix)


def expand_state(
    state: dict[str, Any], aliases: Mapping[str, str], maps: Mapping[str, SideMap]
) -> None:
    """Add every name that the model has to ``state`` and take out the maps, in place.

    ``aliases`` and ``maps`` are the model's. Takes compact states and those that store every
    stacked layer. Raises SharingError if the stored map is not the model's, if a state without a
    map lacks layers, and if entries that the model ties differ.
    """
    stored_map = False
    for side, side_map in maps.items():
        stored = take_map(state, side)
        if stored is not None:
            stored_map = True
            _check_map(side, stored, side_map)
    for alias, first in aliases.items():
        if first not in state:
            continue
        if alias not in state:
            if ".layers." in alias and not stored_map:
                raise SharingError(
                    f"the checkpoint has no layer map and no {alias}: it is of an unshared model "
                    "with fewer layers; load it into a model of its own depth"
                )
            state[alias] = state[first]
        elif not torch.equal(state[alias], state[first]):
            remedy = (
                "load it with --sharing-strategy none, or with a map that fits it"
                if ".layers." in alias
                else "build the model with the checkpoint's options of embeddings"
            )
            raise SharingError(
                f"the checkpoint's {alias} differs from {first}, which the model ties; {remedy}"
            )


def _check_map(side: str, stored: SideMap, wanted: SideMap) -> None:
    if stored.parts != wanted.parts:
        options = stored.options(side).items()
        flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options)
        raise SharingError(
            f"the checkpoint's {side} layer map is {stored}, the model's is {wanted}; "
            f"build the model with the checkpoint's map ({flags})"
        )


def check_kind(state: Mapping[str, Any], sides: Sequence[str]) -> None:
    """Raise SharingError if ``state`` is of a translation model and the model of none, or reverse.

    ``sides`` are the model's.
    """
    translates = any(name.startswith("encoder.") for name in state)
    if translates != ("encoder" in sides):
        models = ["a language model", "a translation model"]
        raise SharingError(
            f"the checkpoint is of {models[translates]}, this is {models[not translates]}; "
            f"give a checkpoint of {models[not translates]}, or another --arch and --task"
        )


def check_ffn(state: Mapping[str, Any], sublayers: Collection[str]) -> None:
    """Raise SharingError unless ``state`` has decoder feed-forwards exactly if the model has.

    ``state`` has every name, ``sublayers`` are those of the model's decoder.
    """
    stored = any(name.startswith("decoder.layers.") and ".fc1." in name for name in state)
    if stored != any("ffn" in name for name in sublayers):
        raise SharingError(
            "the checkpoint's decoder has feed-forwards, the model's has none; build it without "
            "--no-decoder-ffn"
            if stored
            else "the checkpoint's decoder has no feed-forwards, the model's has; build it with "
            "--no-decoder-ffn"
        )


def check_scaling(state: Mapping[str, Any], scaled: bool) -> None:
    """Raise SharingError unless ``state`` has residual vectors exactly if the model has."""
    stored = any(name.endswith(".residual_delta") for name in state)
    if stored and not scaled:
        raise SharingError(
            "the checkpoint was trained with --residual-scaling admin, the model is built with "
            "none; build it with --residual-scaling admin"
        )
    if scaled and not stored:
        raise SharingError(
            "the checkpoint was trained with --residual-scaling none, the model is built with "
            "admin; build it with --residual-scaling none, or train it from the start"
        )


def load_refusal(error: RuntimeError) -> str:
    """The first of the reasons for which torch would not load a state dict, in one line."""
    title, *reasons = str(error).splitlines()
    reason = textwrap.shorten([*reasons, title][0], 250)
    return (
        f"the checkpoint does not fit the model: {reason} Build the model with the options and the "
        "dictionaries that the checkpoint was trained with"
    )
