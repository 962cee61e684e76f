"""What a training depends on beside its options: versions, the plugin's revision, hardware."""

import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ..files import read_json, write_json

PACKAGES = ("fairseq_sharing", "ve-fairseq", "torch", "numpy", "sentencepiece", "sacrebleu")
EARLIER = "earlier"


def record(path: Path, **attempt: Any) -> None:
    """Record what this attempt runs on; earlier attempts stay under EARLIER, newest first."""
    before = last_attempt(path)
    earlier = before.pop(EARLIER, [])
    now = {"started": datetime.now(UTC).isoformat(timespec="seconds")} | attempt | environment()
    write_json(path, now | {EARLIER: [before, *earlier] if before else []})


def last_attempt(path: Path) -> dict[str, Any]:
    """What record wrote last; empty if it never did."""
    return read_json(path)


def environment() -> dict[str, Any]:
    """Python, packages, the plugin's git revision if it is a checkout, and this machine."""
    return {name: _version(name) for name in PACKAGES} | {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "git": _revision(),
        "host": socket.gethostname(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "gpus": _gpus(),
        "cuda": torch.version.cuda,
        "driver": _said_by("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # fairseq goes by several names
        return None


def _revision() -> str | None:
    """The commit that the plugin is at, with "-dirty" if its files differ from it."""
    return revision_of(Path(__file__).parents[2])


def revision_of(tree: Path) -> str | None:
    """The same of the package in ``tree``; None if that is no checkout of its own.

    The commit of another repository that merely contains the installed package is not taken.
    """
    git = ("git", "-C", str(tree))
    top = _said_by(*git, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != tree.resolve():
        return None
    if _said_by(*git, "ls-files", "fairseq_sharing/__init__.py") is None:
        return None
    return _said_by(*git, "describe", "--always", "--abbrev=40", "--dirty")


def _processor() -> str | None:
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(named, None)


def _gpus() -> list[dict[str, Any]]:
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [{"name": gpu.name, "memory_gib": round(gpu.total_memory / 2**30, 1)} for gpu in found]


def _said_by(*command: str) -> str | None:
    """The first line of a tool's output, or None if the tool is missing or fails."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return next(iter(said.splitlines()), None)
