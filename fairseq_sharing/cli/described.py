"""What describe says of a model: its map, its parameters counted and its multiply-adds."""

import argparse
from typing import Any

from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_NAME_REGISTRY

from ..errors import SharingError
from ..model.architectures import MODELS
from ..model.cost import Sizes, build_weightless, multiply_adds, multiply_adds_over, softmax_width
from ..model.growth import NEVER, Schedule
from ..model.shared_model import SharedModel
from ..model.strategies import LayerMap, format_layer_map, num_unique_layers
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
    arch: str, *, separate: bool = False, strategy: str | None = None, **of_sides: Any
) -> argparse.Namespace:
    """A preset's options with those given, each for every side that the model has.

    ``embed_dim=512``, for example, is that of encoder and decoder; None is left to the preset.
    Embeddings of translation models are one table unless they are separate.
    """
    given = {name: value for name, value in of_sides.items() if value is not None}
    args = argparse.Namespace(arch=arch)
    for side in model_of(arch).config.sides:
        vars(args).update({f"{side}_{name}": value for name, value in given.items()})
    if strategy is not None:
        args.sharing_strategy = strategy
    if translates(arch):
        args.share_all_embeddings = not separate
    else:
        args.max_target_positions = POSITIONS
        if "embed_dim" in given:
            args.decoder_input_dim = args.decoder_output_dim = given["embed_dim"]
    ARCH_CONFIG_REGISTRY[arch](args)
    return args


def describe(
    arch: str,
    layers: LayerMap,
    vocabulary: int,
    length: int = 25,
    schedule: Schedule = NEVER,
    max_update: int = 1,
    **options: Any,
) -> dict[str, Any]:
    """The facts of a preset's model with the map ``layers`` on every side, as ``--json`` prints.

    ``options`` are those of ``options_of``. Multiply-adds are the mean over ``max_update`` updates,
    in which its depth follows ``schedule``.
    """
    depth, unique, model = len(layers), num_unique_layers(layers), model_of(arch)
    args = options_of(arch, layers=depth, layer_map=format_layer_map(layers), **options)
    unshared = options_of(arch, layers=depth, strategy="none", **options)
    sizes = Sizes(
        args.decoder_embed_dim,
        args.decoder_ffn_embed_dim,
        args.decoder_attention_heads,
        softmax_width(args, vocabulary),
    )
    if sizes.embed % sizes.heads:
        raise SharingError(f"--embed-dim {sizes.embed} must be a multiple of --heads {sizes.heads}")
    models = [build_weightless(each, vocabulary, model=model) for each in (args, unshared)]
    deep, flat = (
        (layer_map, layer_map if translates(arch) else ())
        for layer_map in (layers, tuple(range(unique)))
    )
    operations = round(multiply_adds_over(sizes, deep, length, schedule, max_update))
    return {
        "arch": arch,
        "sides": list(model.config.sides),
        "layer_map": list(layers),
        "layers": depth,
        "unique_layers": unique,
        "parameters": count_parameters(models[0]),
        "parameters_unshared": count_parameters(models[1]),
        "multiply_adds_per_target_token": operations,
        "predicted_relative_speed": multiply_adds(sizes, *flat, length) / operations,
        "sentence_length": length,
        "grow_depth_at": list(schedule.steps),
    }
