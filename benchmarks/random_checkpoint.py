"""Checkpoints of random weights at any size, as fairseq would save them, and their text data."""

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import sentencepiece
import torch
from fairseq import utils
from fairseq.data import Dictionary
from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY

from fairseq_sharing.model.cost import Sizes

LANGUAGES = ("en", "de")
SENTENCEPIECE = "spm.model"


def dictionary(sizes: Sizes) -> Dictionary:
    """A dictionary of ``sizes.vocabulary`` entries."""
    words = Dictionary()
    for number in range(len(words), sizes.vocabulary):
        words.add_symbol(f"word{number}")
    return words


def make_data(folder: Path, sizes: Sizes) -> Path:
    """A data folder with nothing but the two dictionaries, and the SentencePiece model of both."""
    folder.mkdir()
    words = dictionary(sizes)
    for language in LANGUAGES:
        words.save(str(folder / f"dict.{language}.txt"))
    pieces = words.symbols[words.nspecial :]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["any text", "will do"]),
        model_prefix=str((folder / SENTENCEPIECE).with_suffix("")),
        user_defined_symbols=pieces,
        vocab_size=len(pieces) + 100,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder


def make_checkpoint(path: Path, sizes: Sizes, layers: int, unique: int) -> Path:
    """A checkpoint with Adam's state: Cycle (rev), or fairseq's transformer where N = M."""
    args = Namespace(
        arch="transformer" if layers == unique else "shared_transformer",
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_embed_dim=sizes.embed,
        encoder_ffn_embed_dim=sizes.ffn,
        encoder_attention_heads=sizes.heads,
        decoder_attention_heads=sizes.heads,
        share_all_embeddings=True,
    )
    if layers != unique:
        args.sharing_strategy = "cycle_rev"
        args.encoder_unique_layers = args.decoder_unique_layers = unique
    ARCH_CONFIG_REGISTRY[args.arch](args)
    args._name = args.arch
    words = dictionary(sizes)
    task = SimpleNamespace(source_dictionary=words, target_dictionary=words)
    torch.manual_seed(1)
    model = ARCH_MODEL_REGISTRY[args.arch].build_model(args, task)
    adam = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)  # fresh biases are all equal
        parameter.grad = torch.zeros_like(parameter)
    adam.step()
    languages = dict(zip(("source_lang", "target_lang"), LANGUAGES, strict=True))
    content = {
        "args": None,
        "cfg": {
            "model": args,
            "common": {},
            "task": {"_name": "translation", "data": "", **languages},
        },
        "model": model.state_dict(),
        "optimizer_history": [
            {"num_updates": 1, "optimizer_name": "FairseqAdam", "lr_scheduler_state": {}}
        ],
        "extra_state": {"train_iterator": {"epoch": 1}},
        "last_optimizer_state": adam.state_dict(),
    }
    torch.save(copied(content), path)
    return path


def copied(content):
    """``content`` as it comes from a GPU: every tensor copied, no two names sharing memory."""
    return utils.apply_to_sample(torch.clone, content)
