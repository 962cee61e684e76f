"""Refuses, when a model is built, options that cannot work with sharing or with Admin."""

import ast
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from ..errors import SharingError
from .asked_maps import shares_layers, side_map, sublayers_of
from .config import RESIDUAL_SCALINGS, SharedTransformerConfig, option_names
from .growth import parse_schedule
from .own import parse_own
from .strategies import num_unique_layers
from .sublayers import SideMap, parse_sublayers

LITERALS = {
    "adaptive_softmax_cutoff": "20000,60000",
    "adaptive_input_cutoff": "20000,60000",
    "character_filters": "[(1, 64), (2, 128)]",
}
"""Options that fairseq evaluates as Python, with an example of each."""

NORMFORMER = ("scale_fc", "scale_attn", "scale_heads", "scale_resids")
"""Options that fairseq's language model accepts but does not pass on to its layers."""

FULLY_SHARDED = "fully_sharded"


def check_options(cfg: SharedTransformerConfig) -> None:
    """Raise SharingError where options contradict each other; the message says why."""
    for side in cfg.sides:
        side_map(cfg, side)
    _check_literals(cfg)
    _check_own(cfg)
    for name in NORMFORMER:
        flag = "--" + name.replace("_", "-")
        _refuse(flag, getattr(cfg, name, None), "is ignored by fairseq's transformer_lm; drop it")
    if shares_layers(cfg):
        _check_sharing(cfg)
        named = parse_sublayers(cfg.share_sublayers)
        if not any(name in sublayers_of(cfg, side) for side in cfg.sides for name in named):
            raise SharingError(
                f"--share-sublayers {cfg.share_sublayers}: this model has none; name others, of "
                + ", ".join(sublayers_of(cfg, "decoder"))
            )
    elif cfg.share_sublayers != "all":
        raise SharingError(
            f"--share-sublayers {cfg.share_sublayers} without --sharing-strategy or a layer map "
            "shares nothing; give one of these, or drop it"
        )
    if cfg.residual_scaling not in RESIDUAL_SCALINGS:
        raise SharingError(
            f"--residual-scaling {cfg.residual_scaling}: unknown; "
            f"valid are {', '.join(RESIDUAL_SCALINGS)}"
        )
    if cfg.residual_scaling == "admin":
        _check_admin(cfg)
    if cfg.grow_depth_at is not None:
        _check_growth(cfg)


def _check_own(cfg: SharedTransformerConfig) -> None:
    own = parse_own(cfg.own, cfg.own_rank)
    flags = f"--own {cfg.own}" + (f" --own-rank {own.rank}" if own.rank else "")
    if own and not shares_layers(cfg):
        raise SharingError(
            f"{flags} without --sharing-strategy or a map: every layer has all parameters of its "
            "own; share some, or drop it"
        )
    width = min(getattr(cfg, side).embed_dim for side in cfg.sides)
    if own.rank > width:
        raise SharingError(f"--own-rank {own.rank}: must be at most {width}, the layers' width")
    if own and cfg.grow_depth_at is not None:
        raise SharingError(
            f"{flags} cannot go with --grow-depth-at: what a layer has of its own would be "
            "untrained when it begins to run; drop one of the two"
        )


def _check_literals(cfg: SharedTransformerConfig) -> None:
    """Refuse anything but lists of numbers in options that fairseq evaluates as Python."""
    for name, example in LITERALS.items():
        value = getattr(cfg, name, None)
        if not isinstance(value, str):
            continue
        try:
            numbers = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            numbers = value
        if isinstance(numbers, str):
            flag = "--" + name.replace("_", "-")
            raise SharingError(f"{flag} {value}: give numbers alone, such as {example}")


def _check_sharing(cfg: SharedTransformerConfig) -> None:
    for side in cfg.sides:
        _refuse(
            f"--{side}-layers-to-keep",
            getattr(cfg, side).layers_to_keep,
            "renumbers layers, which breaks the layer map; "
            "train or unroll a model of the depth you want",
        )
    _refuse(
        "--quant-noise-pq",
        cfg.quant_noise.pq,
        "overwrites weights before each use, and a shared layer has several uses before its "
        "gradient; drop it, or --sharing-strategy",
    )
    _refuse(
        "--quant-noise-scalar",
        cfg.quant_noise.scalar,
        "would reach a shared layer only in the first of its positions; "
        "drop it, or --sharing-strategy",
    )
    _refuse("--base-layers", cfg.base_layers, "inserts layers that the layer map does not know")
    if getattr(cfg, "ddp_backend", None) == FULLY_SHARDED:  # an option of training, not a field
        _refuse(
            "--ddp-backend",
            FULLY_SHARDED,
            "puts each layer's parameters into memory of its own, which breaks what layers share; "
            "use pytorch_ddp or legacy_ddp",
        )


def _check_admin(cfg: SharedTransformerConfig) -> None:
    admin = "cannot go with --residual-scaling admin, which"
    for side in cfg.sides:
        options = getattr(cfg, side)
        _refuse(
            f"--{side}-normalize-before",
            options.normalize_before,
            f"{admin} balances the sums that post-norm normalises and pre-norm does not; "
            "drop one of the two",
        )
        _refuse(
            f"--{side}-layers-to-keep",
            options.layers_to_keep,
            f"{admin} measured what the kept layers do with the others below them; "
            "train a model of the depth you want",
        )
        _refuse(
            f"--{side}-layerdrop",
            options.layerdrop,
            f"{admin} measures every layer in the first pass; drop one of the two",
        )
    _refuse("--base-layers", cfg.base_layers, f"{admin} has no vectors for them")


def _check_growth(cfg: SharedTransformerConfig) -> None:
    steps = len(parse_schedule(cfg.grow_depth_at).steps)
    flag = f"--grow-depth-at {cfg.grow_depth_at}"
    maps = {side: side_map(cfg, side).layers for side in cfg.sides}
    to_add = max(len(layers) - num_unique_layers(layers) for layers in maps.values())
    if to_add == 0:
        shown = ", ".join(f"{len(layers)} in the {side}" for side, layers in maps.items())
        raise SharingError(
            f"{flag}: every layer has parameters of its own ({shown}), so that no depth can be "
            "added; share layers by --sharing-strategy or a map, or drop it"
        )
    if steps > to_add:
        raise SharingError(
            f"{flag}: {steps} steps, but the deepest side has {to_add} layers to add; "
            f"give at most {to_add} numbers"
        )
    if cfg.residual_scaling == "admin":
        raise SharingError(
            f"{flag} cannot go with --residual-scaling admin, which measures every layer in the "
            "first pass; drop one of the two"
        )
    for side in cfg.sides:
        _refuse(
            f"--{side}-layerdrop",
            getattr(cfg, side).layerdrop,
            "cannot go with --grow-depth-at, which says itself how many layers run; "
            "drop one of the two",
        )


def _refuse(option: str, value: Any, reason: str) -> None:
    if value:
        shown = option if value is True else f"{option} {value}"
        raise SharingError(f"{shown} {reason}")


def warning_of(maps: Mapping[str, SideMap]) -> str | None:
    """What speaks against maps that nothing forbids, with its source."""
    decoder = dict(maps["decoder"].sublayers)
    depth = len(maps["decoder"])
    tied = decoder.pop("self_attention")
    if "encoder" not in maps or len(set(tied)) == depth:
        return None
    if any(len(set(layers)) < depth for layers in decoder.values()):
        return None
    return (
        "the decoder shares its self-attention alone; in Pires et al., One Wide Feedforward is All "
        "You Need (arXiv 2309.01826), a tied decoder self-attention gave 26.5 BLEU where a tied "
        "encoder self-attention or cross-attention gave 35.5"
    )


def check_known_options(cfg: DictConfig, options: type, model: str) -> None:
    """Refuse keys of a Hydra config that ``model`` does not have; fairseq would drop them silently.

    ``options`` is the dataclass of the model's options.
    """
    known = option_names(options) | {"_name", "arch"}
    unknown = sorted(str(key) for key in cfg if key not in known)
    if unknown:
        raise SharingError(
            f"unknown model option {unknown[0]!r} in the Hydra config; "
            f"fairseq-train --help --arch {model} lists the valid ones"
        )
