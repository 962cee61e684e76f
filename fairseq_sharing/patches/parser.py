"""fairseq's option parser: help with a model's options, bf16 without a TPU, unknown presets.

- ``--help`` ends the parser before it knows the model, so that no model's options are ever listed;
  those of ``--arch`` are added first.
- ``--bf16`` is taken for a request to train on a TPU, so that no GPU can train in bf16 from the
  command line; only ``--tpu`` is one.
- An unknown ``--arch`` is answered with the names of a few hundred; the plugin's are a handful.
"""

import argparse
import difflib
import functools
import sys

from fairseq.models import ARCH_MODEL_NAME_REGISTRY, ARCH_MODEL_REGISTRY

from ..errors import SharingError


def parsing(parse_args_and_arch):
    """fairseq's ``parse_args_and_arch`` with these changes."""

    @functools.wraps(parse_args_and_arch)
    def parse(parser, input_args=None, *args, **kwargs):
        given = _asked_for(input_args)
        _require_known(given.arch)
        if given.help and given.arch:
            group = parser.add_argument_group(
                "Model-specific configuration", argument_default=argparse.SUPPRESS
            )
            ARCH_MODEL_REGISTRY[given.arch].add_args(group)
        parsed = parse_args_and_arch(parser, input_args, *args, **kwargs)
        options = parsed[0] if isinstance(parsed, tuple) else parsed
        options.tpu = "--tpu" in (sys.argv[1:] if input_args is None else input_args)
        return parsed

    return parse


def _asked_for(input_args) -> argparse.Namespace:
    """Whether help is asked for, and of which preset."""
    asked = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    asked.add_argument("--arch", "-a")
    asked.add_argument("--help", "-h", action="store_true")
    try:
        return asked.parse_known_args(input_args)[0]
    except argparse.ArgumentError:  # fairseq's own parser will say so
        return argparse.Namespace(arch=None, help=False)


def _require_known(arch: str | None) -> None:
    """Raise SharingError for a preset that there is not, with those that could be meant."""
    if arch is None or arch in ARCH_MODEL_REGISTRY:
        return
    ours = sorted(
        name for name, model in ARCH_MODEL_NAME_REGISTRY.items() if model.startswith("shared_")
    )
    close = difflib.get_close_matches(arch, ARCH_MODEL_REGISTRY, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise SharingError(
        f"--arch {arch}: no such architecture; {meant}The plugin has {', '.join(ours)}"
    )
