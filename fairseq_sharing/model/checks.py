"""Refuses, when a model is built, options that cannot work with sharing or with Admin."""

import ast

from omegaconf import DictConfig

from ..errors import SharingError
from .asked_maps import shares_layers, side_map, sublayers_of
from .config import RESIDUAL_SCALINGS, SharedTransformerConfig, option_names
from .feature_checks import check_admin, check_growth, check_own, check_sharing, refuse
from .sublayers import parse_sublayers

LITERALS = {
    "adaptive_softmax_cutoff": "20000,60000",
    "adaptive_input_cutoff": "20000,60000",
    "character_filters": "[(1, 64), (2, 128)]",
}
"""Options that fairseq evaluates as Python, with an example of each."""

NORMFORMER = ("scale_fc", "scale_attn", "scale_heads", "scale_resids")
"""Options that fairseq's language model accepts but does not pass on to its layers."""


def check_options(cfg: SharedTransformerConfig) -> None:
    """Raise SharingError where options contradict each other; the message says why."""
    for side in cfg.sides:
        side_map(cfg, side)
    _check_literals(cfg)
    check_own(cfg)
    for name in NORMFORMER:
        flag = "--" + name.replace("_", "-")
        refuse(flag, getattr(cfg, name, None), "is ignored by fairseq's transformer_lm; drop it")
    if shares_layers(cfg):
        check_sharing(cfg)
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
        check_admin(cfg)
    if cfg.grow_depth_at is not None:
        check_growth(cfg)


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
