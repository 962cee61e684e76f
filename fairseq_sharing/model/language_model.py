"""fairseq's language model with layers that share parameters."""

import argparse
from collections.abc import Mapping
from typing import Any

from fairseq.models import register_model
from fairseq.models.transformer_lm import (
    TransformerLanguageModel,
    TransformerLanguageModelConfig,
)
from fairseq.tasks.translation import TranslationTask
from omegaconf import DictConfig, OmegaConf, open_dict

from ..errors import SharingError
from ..patches.language_decoder import built_as
from .config import (
    DecoderOnlyConfig,
    SharedLanguageModelConfig,
    SharedTransformerConfig,
    option_names,
)
from .shared_model import SharedModel
from .transformer import SharedTransformerDecoder


@register_model("shared_transformer_lm")
class SharedLanguageModel(SharedModel, TransformerLanguageModel):
    """Decoder-only Transformer of N stacked layers with M sets of parameters.

    Takes the options of fairseq's ``transformer_lm`` and those of sharing. With strategy ``none``
    and no map it is that model. Otherwise its state dict holds every parameter once, under its
    first name, and the map.
    """

    config = DecoderOnlyConfig
    options = SharedLanguageModelConfig
    unshared = "transformer_lm"
    unshared_options = TransformerLanguageModelConfig

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        super().add_args(parser)
        for name in option_names(SharedTransformerConfig):
            if name.startswith("encoder_") or name in _OF_TRANSLATION:
                flag = "--" + name.replace("_", "-")
                parser.add_argument(flag, action=_OfAnEncoder, nargs="?", help=argparse.SUPPRESS)

    @classmethod
    def build_model(cls, args, task) -> "SharedLanguageModel":
        """As of every shared model; SharingError if ``task`` is not one of language modelling."""
        if isinstance(task, TranslationTask):
            raise SharingError(_OTHER_TASK)
        _take_length(args, task)
        if isinstance(args, DictConfig):
            args = argparse.Namespace(**_plain(args))
        _check_adaptive(args)
        _check_cutoffs(args, len(task.source_dictionary))
        with built_as(SharedTransformerDecoder):
            return super().build_model(args, task)


_OF_TRANSLATION = ("decoder_cross_attention_map", "decoder_encoder_ffn_map", "no_decoder_ffn")
_OTHER_TASK = "--arch shared_transformer_lm is a language model; give --task language_modeling"


class _OfAnEncoder(argparse.Action):
    """An option that only translation models have: refused where it is given."""

    def __call__(self, parser, namespace, values, option_string=None):
        raise SharingError(
            f"{option_string}: a language model has no encoder; "
            "drop it, or train a translation model (--arch shared_transformer)"
        )


def _take_length(args: argparse.Namespace | DictConfig, task: Any) -> None:
    """Set the longest input in ``args``, and so in what checkpoints store, from the task's options.

    Hydra's config of a model does not have them.
    """
    if getattr(args, "max_target_positions", None) is not None:
        return
    given = [args, getattr(task, "args", None), getattr(task, "cfg", None)]
    names = ("max_target_positions", "tokens_per_sample")
    lengths = (getattr(options, name, None) for name in names for options in given)
    length = next((length for length in lengths if length is not None), None)
    if length is None:
        raise SharingError(_OTHER_TASK)
    if isinstance(args, DictConfig):
        with open_dict(args):
            args.max_target_positions = length
    else:
        args.max_target_positions = length


def _check_adaptive(args: argparse.Namespace) -> None:
    """Raise SharingError for what fairseq asserts of adaptive input and softmax."""
    if args.adaptive_input and args.adaptive_input_cutoff is None:
        raise SharingError("--adaptive-input needs --adaptive-input-cutoff, such as 20000,60000")
    if not args.tie_adaptive_weights:
        return
    if not args.adaptive_input:
        raise SharingError("--tie-adaptive-weights needs --adaptive-input")
    for one, other in _TIED:
        if getattr(args, one) != getattr(args, other):
            flags = ["--" + name.replace("_", "-") for name in (one, other)]
            raise SharingError(
                f"--tie-adaptive-weights: {flags[0]} {getattr(args, one)} and {flags[1]} "
                f"{getattr(args, other)} must be equal"
            )


def _check_cutoffs(args: argparse.Namespace, words: int) -> None:
    """Raise SharingError for bands of words that a dictionary of so many does not fill."""
    adaptive_input = args.adaptive_input_cutoff if args.adaptive_input else None
    cutoffs = {"input": adaptive_input, "softmax": args.adaptive_softmax_cutoff}
    for name, value in cutoffs.items():
        try:
            last = int(str(value).split(",")[-1])
        except ValueError:  # none is given, or what check_options refuses
            continue
        if last > words:
            raise SharingError(
                f"--adaptive-{name}-cutoff {value}: the dictionary has {words:,} entries, and no "
                "number may be greater; give smaller ones"
            )


_TIED = (
    ("adaptive_input_factor", "adaptive_softmax_factor"),
    ("adaptive_input_cutoff", "adaptive_softmax_cutoff"),
    ("decoder_input_dim", "decoder_output_dim"),
)


def _plain(cfg: DictConfig) -> Mapping[str, Any]:
    options = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(options, dict)
    return {str(name): value for name, value in options.items()}
