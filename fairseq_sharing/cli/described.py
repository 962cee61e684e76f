"""What describe says of a model: its map, its parameters counted and its multiply-adds."""

import argparse
from collections.abc import Mapping
from typing import Any

from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_NAME_REGISTRY

from ..errors import SharingError
from ..model.architectures import MODELS
from ..model.cost import build_weightless, multiply_adds, multiply_adds_over, sizes_of
from ..model.growth import NEVER, Schedule, running_map
from ..model.shared_model import SharedModel
from ..model.strategies import num_unique_layers
from ..model.tying import count_parameters

POSITIONS = 1024
"""fairseq's own for the longest sample of a language model; sinusoids have no parameters."""


def presets() -> list[str]:
    """The names of all presets of shared models."""
    return sorted(name for name, model in ARCH_MODEL_NAME_REGISTRY.items() if model in MODELS)


def model_of(arch: str) -> type[SharedModel]:
    """The model of a preset; SharingError, with those there are, for an unknown one."""
    if arch not in presets():
        raise SharingError(f"--arch {arch}: choose from {', '.join(presets())}")
    return MODELS[ARCH_MODEL_NAME_REGISTRY[arch]]


def translates(arch: str) -> bool:
    """Whether a preset's model has an encoder."""
    return "encoder" in model_of(arch).config.sides


def options_of(
    arch: str, given: Mapping[str, Any], *, separate: bool = False, **of_sides: Any
) -> argparse.Namespace:
    """A preset's options with those ``given`` in their place.

    ``embed_dim=512``, for example, is that of every side that the model has; None is left to the
    preset. Embeddings of translation models are one table unless they are separate.
    """
    sizes = {name: value for name, value in of_sides.items() if value is not None}
    args = argparse.Namespace(arch=arch, **given)
    for side in model_of(arch).config.sides:
        vars(args).update({f"{side}_{name}": value for name, value in sizes.items()})
    if translates(arch):
        args.share_all_embeddings = not separate
    else:
        args.max_target_positions = POSITIONS
        if "embed_dim" in sizes:
            args.decoder_input_dim = args.decoder_output_dim = sizes["embed_dim"]
    ARCH_CONFIG_REGISTRY[arch](args)
    return args


def describe(
    args: argparse.Namespace,
    unshared: argparse.Namespace,
    vocabulary: int,
    length: int = 25,
    schedule: Schedule = NEVER,
    max_update: int = 1,
) -> dict[str, Any]:
    """The facts of the model of some options, as ``--json`` prints them, beside one unshared.

    Multiply-adds are the mean over ``max_update`` updates, in which its depth follows ``schedule``.
    """
    sizes, model = sizes_of(args, vocabulary), model_of(args.arch)
    if sizes.embed % sizes.heads:
        raise SharingError(f"--embed-dim {sizes.embed} must be a multiple of --heads {sizes.heads}")
    shared, plain = (build_weightless(each, vocabulary, model=model) for each in (args, unshared))
    maps, own = shared.maps, shared.own
    layers = maps["decoder"].layers
    shallow = {k: running_map(one, num_unique_layers(one.layers)) for k, one in maps.items()}
    operations = multiply_adds_over(sizes, maps, length, schedule, max_update, own)
    return {
        "arch": args.arch,
        "sides": list(maps),
        "layer_map": list(layers),
        "maps": {
            side: {part: list(one) for part, one in side_map.parts.items()}
            for side, side_map in maps.items()
        },
        "layers": len(layers),
        "unique_layers": num_unique_layers(layers),
        "parameters": count_parameters(shared),
        "parameters_unshared": count_parameters(plain),
        "multiply_adds_per_target_token": round(operations),
        "predicted_relative_speed": multiply_adds(sizes, shallow, length) / operations,
        "own": str(own),
        "sentence_length": length,
        "grow_depth_at": list(schedule.steps),
    }
