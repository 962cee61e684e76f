"""The options stored in a checkpoint, in the forms that fairseq has stored them in."""

import argparse
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairseq.checkpoint_utils import _upgrade_state_dict
from omegaconf import OmegaConf

from ..errors import SharingError
from ..patches.compat import UNREADABLE
from .files import Content

Options = dict[str, Any]


def as_dict(options: Any) -> Options:
    """Options in one of the forms that fairseq stores them in; empty for anything else."""
    if isinstance(options, argparse.Namespace):
        return dict(vars(options))
    return dict(options) if isinstance(options, dict) else {}


def as_config(content: Content) -> Content:
    """The flat arguments that fairseq stored before 2021 as it stores them today."""
    upgraded = _upgrade_state_dict(content | {"args": copy.copy(content["args"])})
    return OmegaConf.to_container(upgraded["cfg"], enum_to_str=True)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SharingError for whatever fairseq raises of options that make no model."""
    try:
        yield
    except SharingError:
        raise
    except UNREADABLE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SharingError(
            f"checkpoint {path}: no model can be built with its options ({reason}); "
            "get the file from where it was trained"
        ) from error
