"""Writes docs/options.md from the code: ``python docs/make_options.py``."""

from dataclasses import MISSING, Field, fields
from pathlib import Path

from fairseq import options
from fairseq.models import ARCH_MODEL_NAME_REGISTRY

import fairseq_sharing  # noqa: F401  (registers the presets)
from fairseq_sharing.model.architectures import MODELS
from fairseq_sharing.model.config import SharedTransformerConfig, option_names
from fairseq_sharing.model.cost import build_weightless
from fairseq_sharing.model.tying import count_parameters

PAGE = Path(__file__).with_name("options.md")
WORDS = 32_768
WIKITEXT = 267_744
"""Entries of the dictionary of WikiText-103."""

INTRODUCTION = """# Presets and options

`python docs/make_options.py` writes this page from the code.

## Presets

`--arch NAME`. A preset fills in what the command line leaves open. Parameters are counted
once, with all embeddings shared and a joined dictionary of 32,768 entries; of language models
(`_lm`) with a dictionary of 267,744 entries, as WikiText-103 has.

| `--arch` | d | ffn | heads | N | M | map | parameters |
|---|---:|---:|---:|---:|---:|---|---:|
"""
OPTIONS = """
## Options of the plugin

Language models have those of the decoder, but for what is of cross-attention or of an encoder. The
models also take all options of fairseq's transformer or language model; what these do with shared
layers is in [fairseq-options.md](fairseq-options.md). All are printed by
`fairseq-train --user-dir "$(fairseq-sharing user-dir)" --arch shared_transformer --help`.

| option | default | what it does |
|---|---|---|
"""
OPTIMIZER = """
`--optimizer fused_adam` takes `--adam-betas`, `--adam-eps` and `--weight-decay`. It makes the
updates of fairseq's `adam`, up to rounding, in one pass over memory.
"""


def preset(name: str) -> str:
    """The row of one preset."""
    kind = MODELS[ARCH_MODEL_NAME_REGISTRY[name]]
    translates = "encoder" in kind.config.sides
    task = ["--task", "translation", "--share-all-embeddings"]
    parser = options.get_training_parser("translation" if translates else "language_modeling")
    own = task if translates else ["--task", "language_modeling"]
    args = options.parse_args_and_arch(parser, ["data", "--arch", name, *own])
    model = build_weightless(args, WORDS if translates else WIKITEXT, model=kind)
    maps = list(model.maps.values())
    unique = "; ".join(dict.fromkeys(side_map.short_counts for side_map in maps))
    shown = "; ".join(dict.fromkeys(map(str, maps)))
    sizes = (args.decoder_embed_dim, args.decoder_ffn_embed_dim, args.decoder_attention_heads)
    cells = [f"`{name}`", *sizes, len(maps[-1]), unique, shown]
    return "".join(f"| {cell} " for cell in [*cells, f"{count_parameters(model):,}"]) + "|\n"


def option(field: Field) -> str:
    """The row of one option."""
    flag = "--" + field.name.replace("_", "-")
    default = "" if field.default in (MISSING, None, False) else f"`{field.default}`"
    return f"| `{flag}` | {default} | {field.metadata['help']} |\n"


def page() -> str:
    """The whole page."""
    names = [name for name, model in ARCH_MODEL_NAME_REGISTRY.items() if model in MODELS]
    theirs = option_names(MODELS["shared_transformer"].unshared_options)
    ours = [field for field in fields(SharedTransformerConfig) if field.name not in theirs]
    rows = "".join(map(option, ours))
    return INTRODUCTION + "".join(map(preset, sorted(names))) + OPTIONS + rows + OPTIMIZER


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
