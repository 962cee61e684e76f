"""What is in a checkpoint: its model's options, its weights, and the model they describe."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_NAME_REGISTRY

from ..errors import SharingError
from ..model.architectures import MODELS
from ..model.config import MAP_OPTIONS, option_names
from ..model.cost import build_weightless
from ..model.shared_model import SharedModel
from ..model.state import take_map
from .files import Content, State, read_checkpoint
from .options import Options, as_dict, explained
from .vocabulary import dictionary_sizes

KINDS = MODELS | {model.unshared: model for model in MODELS.values()}
"""The model whose tools a checkpoint takes, by the name of its own: shared or fairseq's."""

UNSHARED = {
    "sharing_strategy": "none",
    "encoder_unique_layers": None,
    "decoder_unique_layers": None,
    "share_sublayers": "all",
    **dict.fromkeys(MAP_OPTIONS),
    "own": "none",
    "own_rank": None,
    "grow_depth_at": None,
}
"""The sharing options of a model in which every layer has parameters of its own."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file of any fairseq model, as it was read."""

    path: Path
    content: Content

    @classmethod
    def read(cls, path: Path, *, mapped: bool = False) -> "Checkpoint":
        """Read a file as ``read_checkpoint`` does, which raises SharingError."""
        return cls(path, read_checkpoint(path, mapped=mapped))

    @property
    def state(self) -> State:
        """The state dict as it is stored."""
        return self.content["model"]

    @property
    def extra_state(self) -> dict[str, Any]:
        """Where the training was, its scores, and EMA's weights."""
        return self.content.get("extra_state") or {}

    @property
    def num_updates(self) -> int:
        """Updates that the model was trained for."""
        return self.optimizer_history["num_updates"]

    @property
    def optimizer_history(self) -> dict[str, Any]:
        """The newest entry of what is stored under that name, with all that fairseq asks for."""
        stored = self.content.get("optimizer_history") or [{}]
        return {"num_updates": 0, "lr_scheduler_state": {}} | stored[-1]

    @property
    def arch(self) -> str:
        """The name given to ``--arch``."""
        stored = self.stored_options()
        names = (stored.get(key) for key in ("_name", "arch"))
        return next((name for name in names if name and isinstance(name, str)), "none")

    @property
    def is_transformer(self) -> bool:
        """Whether it is a Transformer of translation or language modelling, shared or not."""
        return ARCH_MODEL_NAME_REGISTRY.get(self.arch) in KINDS

    @property
    def kind(self) -> type[SharedModel]:
        """The shared model that it is, or that it is when nothing is shared.

        Raises SharingError if it is no Transformer.
        """
        if not self.is_transformer:
            raise SharingError(
                f"checkpoint {self.path} is of architecture {self.arch}; only fairseq's "
                f"{', '.join(KINDS)} and their presets can be taken here"
            )
        return KINDS[ARCH_MODEL_NAME_REGISTRY[self.arch]]

    @property
    def unshared(self) -> Options:
        """The sharing options of the same model in which every layer has parameters of its own."""
        names = option_names(self.kind.options)
        return {name: value for name, value in UNSHARED.items() if name in names}

    def stored_options(self) -> Options:
        """All options that are stored with the model: its own, often those of training too."""
        stored = as_dict(self.content.get("args")) or as_dict(self._cfg.get("model"))
        if stored:
            return stored
        raise SharingError(f"checkpoint {self.path} does not say what model it holds (no options)")

    def task_options(self) -> Options:
        """All options that are stored with the task, of its own where it has any."""
        return as_dict(self._cfg.get("task")) or self.stored_options()

    @property
    def _cfg(self) -> dict[str, Any]:
        return self.content.get("cfg") or {}

    def options(self) -> Options:
        """The model's own options, those of its preset filled in.

        Raises SharingError if it is no Transformer.
        """
        names = option_names(self.kind.options)
        filled = argparse.Namespace(**self.stored_options())
        with explained(self.path):
            ARCH_CONFIG_REGISTRY[self.arch](filled)
            ARCH_CONFIG_REGISTRY[f"shared_{self.kind.unshared}"](filled)
        # Embeddings are in the checkpoint; the file they came from may be gone.
        paths = {"encoder_embed_path", "decoder_embed_path"}
        return {k: None if k in paths else v for k, v in vars(filled).items() if k in names}

    def skeleton(self, **changes: Any) -> SharedModel:
        """The model without memory for its weights, with ``changes`` made to its options.

        Raises SharingError if none can be built with them.
        """
        options = self.options() | changes
        for side in self.kind.config.sides:
            self._check_depth(side, options)
        with explained(self.path):
            reader = self.kind.config.sides[0]
            source, target = dictionary_sizes(self.state, reader)
            if not source:
                raise SharingError(f"checkpoint {self.path} holds no {reader}.embed_tokens.weight")
            return build_weightless(argparse.Namespace(**options), source, target, self.kind)

    def _check_depth(self, side: str, options: Options) -> None:
        """Raise SharingError for more layers than are stored, before any is built."""
        named = {name.split(".")[2] for name in self.state if name.startswith(f"{side}.layers.")}
        stored = len(take_map(dict(self.state), side) or named)
        asked = options[f"{side}_layers"]
        if type(asked) is not int or asked > stored:
            raise SharingError(
                f"checkpoint {self.path} does not fit its own options: {side}_layers is {asked}, "
                f"it holds {stored}"
            )
