"""What cannot go with sharing, with Admin, with growing depth and with a position's own."""

from collections.abc import Mapping
from typing import Any

from ..errors import SharingError
from .asked_maps import shares_layers, side_map
from .config import SharedTransformerConfig
from .growth import parse_schedule
from .own import parse_own
from .strategies import num_unique_layers
from .sublayers import SideMap

FULLY_SHARDED = "fully_sharded"


def check_sharing(cfg: SharedTransformerConfig) -> None:
    """Refuse what cannot go with shared layers."""
    for side in cfg.sides:
        refuse(
            f"--{side}-layers-to-keep",
            getattr(cfg, side).layers_to_keep,
            "renumbers layers, which breaks the layer map; "
            "train or unroll a model of the depth you want",
        )
    refuse(
        "--quant-noise-pq",
        cfg.quant_noise.pq,
        "overwrites weights before each use, and a shared layer has several uses before its "
        "gradient; drop it, or --sharing-strategy",
    )
    refuse(
        "--quant-noise-scalar",
        cfg.quant_noise.scalar,
        "would reach a shared layer only in the first of its positions; "
        "drop it, or --sharing-strategy",
    )
    refuse("--base-layers", cfg.base_layers, "inserts layers that the layer map does not know")
    if getattr(cfg, "ddp_backend", None) == FULLY_SHARDED:  # an option of training, not a field
        refuse(
            "--ddp-backend",
            FULLY_SHARDED,
            "puts each layer's parameters into memory of its own, which breaks what layers share; "
            "use pytorch_ddp or legacy_ddp",
        )


def check_admin(cfg: SharedTransformerConfig) -> None:
    """Refuse what cannot go with Admin."""
    admin = "cannot go with --residual-scaling admin, which"
    for side in cfg.sides:
        options = getattr(cfg, side)
        refuse(
            f"--{side}-normalize-before",
            options.normalize_before,
            f"{admin} balances the sums that post-norm normalises and pre-norm does not; "
            "drop one of the two",
        )
        refuse(
            f"--{side}-layers-to-keep",
            options.layers_to_keep,
            f"{admin} measured what the kept layers do with the others below them; "
            "train a model of the depth you want",
        )
        refuse(
            f"--{side}-layerdrop",
            options.layerdrop,
            f"{admin} measures every layer in the first pass; drop one of the two",
        )
    refuse("--base-layers", cfg.base_layers, f"{admin} has no vectors for them")


def check_growth(cfg: SharedTransformerConfig) -> None:
    """Refuse what cannot go with depth that grows."""
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
        refuse(
            f"--{side}-layerdrop",
            getattr(cfg, side).layerdrop,
            "cannot go with --grow-depth-at, which says itself how many layers run; "
            "drop one of the two",
        )


def refuse(option: str, value: Any, reason: str) -> None:
    """Raise SharingError for the option if it is set; ``reason`` says why and what to do."""
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


def check_own(cfg: SharedTransformerConfig) -> None:
    """Refuse what cannot go with parameters of a position's own."""
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
