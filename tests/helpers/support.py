"""What several tests need: tiny models and tasks in memory, and fairseq's commands in processes."""

import os
import subprocess
import sys
import sysconfig
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from fairseq.data import Dictionary
from fairseq.models import ARCH_CONFIG_REGISTRY, build_model
from fairseq.models.transformer import TransformerModel
from torch import nn

import fairseq_sharing
from fairseq_sharing.model.config import SIDES
from fairseq_sharing.model.strategies import FIXED_UNIQUE, STRATEGIES, LayerMap
from fairseq_sharing.model.sublayers import SUBLAYERS, SideMap, sublayers_of

PLUGIN = str(Path(fairseq_sharing.__file__).parent)
BIN = Path(sysconfig.get_path("scripts"))
DATA = Path(__file__).parents[1] / "data"

SHARING = [name for name in STRATEGIES if name != "none"]


def dictionary(words: int = 36) -> Dictionary:
    """A dictionary of ``words`` words after fairseq's 4 symbols."""
    made = Dictionary()
    for number in range(words):
        made.add_symbol(f"w{number}")
    return made


def toy_task(words: int = 36) -> SimpleNamespace:
    """What a model asks of a translation task: two dictionaries, here the same one."""
    shared = dictionary(words)
    return SimpleNamespace(
        source_dictionary=shared, target_dictionary=shared, src_dict=shared, tgt_dict=shared
    )


TINY = {
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_layers": 4,
    "decoder_layers": 4,
    "share_all_embeddings": True,
    "dropout": 0.0,
    "max_source_positions": 64,
    "max_target_positions": 64,
}
TINY_LM = {
    "decoder_embed_dim": 16,
    "decoder_input_dim": 16,
    "decoder_output_dim": 16,
    "decoder_ffn_embed_dim": 32,
    "decoder_attention_heads": 2,
    "decoder_layers": 4,
    "share_decoder_input_output_embed": True,
    "dropout": 0.0,
    "max_target_positions": 64,
}


def tiny_args(arch: str = "shared_transformer", **options) -> Namespace:
    """Options of a tiny model without dropout, completed by the architecture ``arch``."""
    sizes = TINY_LM if "transformer_lm" in arch else TINY
    args = Namespace(arch=arch, **{**sizes, **options})
    ARCH_CONFIG_REGISTRY[arch](args)
    return args


def sharing_options(strategy: str, unique: int = 3, sides: Sequence[str] = SIDES) -> dict:
    """The options that ask for ``strategy`` on both sides, or on ``sides``."""
    given = () if strategy in FIXED_UNIQUE else sides
    return {"sharing_strategy": strategy} | {f"{side}_unique_layers": unique for side in given}


def both_sides(layers: LayerMap) -> dict[str, SideMap]:
    """The maps of a translation model whose sides both share whole ``layers``."""
    return {side: SideMap.of(layers, sublayers_of(side, SIDES), SUBLAYERS) for side in SIDES}


def tiny_model(seed: int = 1, **options) -> nn.Module:
    """A tiny model of any registered architecture, in training mode."""
    args = tiny_args(**options)
    torch.manual_seed(seed)
    return build_model(args, toy_task())


def unshared_copy(shared: nn.Module, **options) -> TransformerModel:
    """fairseq's own transformer of the same depth with a copy of every layer's weights."""
    plain = tiny_model(arch="transformer", **options)
    copied = {name: p.detach().clone() for name, p in every_parameter(shared).items()}
    missing, unexpected = plain.load_state_dict(copied, strict=False)
    assert not unexpected
    assert all(name.endswith(("version", "_float_tensor")) for name in missing)
    return plain


def every_parameter(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters by each of their names."""
    return dict(model.named_parameters(remove_duplicate=False))


def batch(sentences: int = 3, source: int = 7, target: int = 6, seed: int = 2) -> dict:
    """Model inputs of random words; the second sentence is shorter on both sides."""
    draw = torch.Generator().manual_seed(seed)
    src = torch.randint(4, 40, (sentences, source), generator=draw)
    prev = torch.randint(4, 40, (sentences, target), generator=draw)
    src[:, -1] = 2
    src[1, :2] = 1
    prev[:, 0] = 2
    prev[1, -2:] = 1
    return {
        "src_tokens": src,
        "src_lengths": src.ne(1).sum(1),
        "prev_output_tokens": prev,
    }


def text_batch(sentences: int = 3, length: int = 6, seed: int = 2) -> dict:
    """A language model's inputs of random words; the second sentence is shorter."""
    return {"src_tokens": batch(sentences, target=length, seed=seed)["prev_output_tokens"]}


def run(command: str, *arguments: object, check: bool = True, **options):
    """Run an installed command with one thread; its output, both streams together."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    result = subprocess.run(
        [str(BIN / command) if command != "python" else sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        **options,
    )
    if check:
        assert result.returncode == 0, result.stdout
    return result
