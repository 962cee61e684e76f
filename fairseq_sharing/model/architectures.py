"""Named presets of the shared models: ``--arch NAME``.

A preset only fills in what the command line leaves open, and asks for unique layers only where
the strategy takes a number of them.
"""

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from fairseq.models import ARCH_MODEL_REGISTRY, register_model_architecture, transformer_lm
from fairseq.models.transformer import transformer_legacy as fairseq_presets
from fairseq.models.transformer_lm import TransformerLanguageModelConfig
from omegaconf import DictConfig

from .checks import check_known_options, check_options
from .config import MAP_OPTIONS, SIDES, DecoderOnlyConfig
from .language_model import SharedLanguageModel
from .shared_model import SharedModel
from .strategies import FIXED_UNIQUE
from .transformer import SharedTransformerModel

MODELS: dict[str, type[SharedModel]] = {
    "shared_transformer": SharedTransformerModel,
    "shared_transformer_lm": SharedLanguageModel,
}
"""The models by the names that they are registered with."""


def _preset(name: str, model: str = "shared_transformer") -> Callable[[Callable], Callable]:
    """Register a preset, followed by a check of the options, so that mistakes show at once.

    A second import of this module registers nothing again.
    """
    kind = MODELS[model]

    def register(preset: Callable[[argparse.Namespace], None]):
        def complete(args: argparse.Namespace | DictConfig) -> None:
            if isinstance(args, DictConfig):
                check_known_options(args, kind.options, model)
            preset(args)
            check_options(kind.config.from_namespace(args))

        if name not in ARCH_MODEL_REGISTRY:
            register_model_architecture(model, name)(complete)
        return preset

    return register


def _default(args: argparse.Namespace, **values: Any) -> None:
    """Set what ``args`` does not have yet (neither given by the user nor by an outer preset)."""
    for name, value in values.items():
        setattr(args, name, getattr(args, name, value))


def _default_sharing(
    args: argparse.Namespace,
    strategy: str,
    num_unique: int | None,
    sides: tuple[str, ...] = SIDES,
) -> None:
    """Share by ``strategy`` unless the user gives a strategy or a map."""
    if any(getattr(args, name, None) is not None for name in MAP_OPTIONS):
        return
    _default(args, sharing_strategy=strategy)
    if args.sharing_strategy not in FIXED_UNIQUE and num_unique is not None:
        _default(args, **{f"{side}_unique_layers": num_unique for side in sides})


@_preset("shared_transformer")
def base(args: argparse.Namespace) -> None:
    """Base sizes (d=512), 6 layers a side, nothing shared unless asked for."""
    fairseq_presets.base_architecture(args)


@_preset("shared_transformer_tiny")
def tiny(args: argparse.Namespace) -> None:
    """For trying things out: d=64, 2 layers a side."""
    fairseq_presets.tiny_architecture(args)


@_preset("shared_transformer_iwslt_de_en")
def iwslt_de_en(args: argparse.Namespace) -> None:
    """fairseq's IWSLT sizes (d=512, ffn=1024, 4 heads), 6 layers a side."""
    fairseq_presets.transformer_iwslt_de_en(args)


@_preset("shared_transformer_wmt_en_de")
def wmt_en_de(args: argparse.Namespace) -> None:
    """Base sizes, Cycle (rev) with N=12 and M=6: the parameters of a 6-layer Transformer."""
    _default(args, encoder_layers=12, decoder_layers=12)
    _default_sharing(args, "cycle_rev", 6)
    fairseq_presets.transformer_wmt_en_de(args)


@_preset("shared_transformer_wmt_en_de_big")
def wmt_en_de_big(args: argparse.Namespace) -> None:
    """Big sizes (d=1024, ffn=4096, 16 heads), Cycle (rev) with N=12 and M=6."""
    _default(args, encoder_layers=12, decoder_layers=12)
    _default_sharing(args, "cycle_rev", 6)
    fairseq_presets.transformer_vaswani_wmt_en_de_big(args)


@_preset("universal_transformer_wmt_en_de")
def universal_wmt_en_de(args: argparse.Namespace) -> None:
    """One layer a side at big sizes, stacked 6 times: about the parameters of base sizes."""
    _default_sharing(args, "universal", None)
    fairseq_presets.transformer_vaswani_wmt_en_de_big(args)


@_preset("one_wide_ffn_wmt_en_de")
def one_wide_ffn_wmt_en_de(args: argparse.Namespace) -> None:
    """Base sizes, one wide feed-forward for all encoder layers and none in the decoder.

    Its width is 6 + 6 times that of base sizes, whose parameters it so has (Pires et al. 2023).
    """
    _default(args, encoder_ffn_embed_dim=12 * 2048, no_decoder_ffn=True)
    if not any(getattr(args, name, None) is not None for name in MAP_OPTIONS):
        _default(args, share_sublayers="ffn")
    _default_sharing(args, "universal", None)
    fairseq_presets.transformer_wmt_en_de(args)


def _fairseqs(preset: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Fill in what a preset of fairseq's language model says, then the defaults of that model.

    A default that fairseq takes from another part of its config is left to that part.
    """
    _default(args, base_shuffle=1)  # the presets say False, the model takes numbers only
    preset(args)
    defaults = {option.name: option.default for option in fields(TransformerLanguageModelConfig)}
    _default(args, **{name: v for name, v in defaults.items() if "${" not in str(v)})


@_preset("shared_transformer_lm", "shared_transformer_lm")
def language_model(args: argparse.Namespace) -> None:
    """fairseq's transformer_lm: d=512, 6 layers, post-norm, nothing shared unless asked for."""
    _fairseqs(lambda _: None, args)


@_preset("shared_transformer_lm_tiny", "shared_transformer_lm")
def tiny_language_model(args: argparse.Namespace) -> None:
    """For trying things out: d=64, 2 layers, nothing shared unless asked for."""
    _fairseqs(transformer_lm.transformer_lm_gpt2_tiny, args)


@_preset("shared_transformer_lm_gpt", "shared_transformer_lm")
def gpt(args: argparse.Namespace) -> None:
    """The sizes of GPT (d=768, ffn=3072, 12 heads), Sequence with N=12 and M=6."""
    _default_sharing(args, "sequence", 6, DecoderOnlyConfig.sides)
    _fairseqs(transformer_lm.transformer_lm_gpt, args)


@_preset("shared_transformer_lm_wiki103", "shared_transformer_lm")
def wiki103(args: argparse.Namespace) -> None:
    """fairseq's sizes for WikiText-103 (d=1024, adaptive input), Sequence with N=12 and M=6."""
    _default(args, decoder_layers=12)
    _default_sharing(args, "sequence", 6, DecoderOnlyConfig.sides)
    _fairseqs(transformer_lm.transformer_lm_baevski_wiki103, args)
