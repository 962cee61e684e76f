"""fairseq-train in processes of its own on a small task, and what its checkpoints say."""

import os
import re
import socket
import subprocess
from pathlib import Path

import torch
from support import BIN, PLUGIN, run

# The biases of keys have no gradient but rounding; Adam must not blow it up to whole steps.
ADAM_EPS = 1e-6
TINY = (
    *("--arch", "shared_transformer_tiny", "--encoder-layers", 4, "--decoder-layers", 4),
    *("--share-all-embeddings", "--dropout", 0),
)
SHARED = (
    *TINY,
    *("--sharing-strategy", "cycle_rev"),
    *("--encoder-unique-layers", 2, "--decoder-unique-layers", 2),
)
# A thread that still reads ahead when fairseq-train is done can abort the process at its exit.
UNTHREADED = ("--num-workers", 0, "--data-buffer-size", 0)
ADMIN = (*SHARED, "--residual-scaling", "admin")
GROWS_AFTER = 2
GROWING = (*SHARED, "--sharing-strategy", "sequence", "--grow-depth-at", GROWS_AFTER)


def arguments(
    data: Path,
    save: Path,
    *options: object,
    updates: int = 4,
    device: str = "cpu",
    validates: bool = False,
) -> tuple:
    """Of a fairseq-train that saves a checkpoint after every update; ``device``: cpu or cuda."""
    return (
        *(data / "bin", "--user-dir", PLUGIN, "--save-dir", save, "--no-progress-bar"),
        *(("--cpu",) if device == "cpu" else ()),
        *("--optimizer", "adam", "--adam-eps", ADAM_EPS, "--lr", 0.002, "--batch-size", 16),
        *("--max-update", updates, "--save-interval-updates", 1),
        *(() if validates else ("--disable-validation",)),
        *("--log-interval", 1, "--curriculum", 99, "--no-epoch-checkpoints", *UNTHREADED),
        *options,
    )


def train(
    data: Path,
    save: Path,
    *options: object,
    updates: int = 4,
    device: str = "cpu",
    validates: bool = False,
    **kwargs,
):
    """Run it to its end; see ``arguments``."""
    command = arguments(data, save, *options, updates=updates, device=device, validates=validates)
    return run("fairseq-train", *command, **kwargs)


def meeting(processes: int) -> tuple:
    """The rendezvous of ``processes`` that are started one by one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return (
        *("--distributed-no-spawn", "--distributed-world-size", processes),
        *("--distributed-init-method", f"tcp://127.0.0.1:{port}"),
    )


def train_in_two_processes(data: Path, save: Path, *options: object, **kwargs) -> list[str]:
    """Run it as two processes that train together; what each of them printed."""
    together = (*meeting(2), "--distributed-backend", "gloo", *options)
    processes = [
        start(data, save, *together, "--distributed-rank", rank, **kwargs) for rank in (0, 1)
    ]
    printed = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert "training on 2 devices" in printed[0]
    return printed


def start(data: Path, save: Path, *options: object, **kwargs) -> subprocess.Popen:
    """Begin a training and leave it running; see ``arguments``."""
    command = arguments(data, save, *options, **kwargs)
    return subprocess.Popen(
        [BIN / "fairseq-train", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def saved(folder: Path, update: int | None = None) -> dict:
    """The checkpoint of an update, by default the last."""
    pattern = "checkpoint_last.pt" if update is None else f"checkpoint_*_{update}.pt"
    (path,) = folder.glob(pattern)
    return torch.load(path, weights_only=True)


def measured(checkpoint: dict) -> dict[str, float]:
    """Loss in bits and gradient norm of the last update, unrounded."""
    meters = {name: state for _, name, _, state in checkpoint["extra_state"]["metrics"]["train"]}
    return {name: float(meters[name]["val"]) for name in ("loss", "gnorm")}


def largest_difference(one: dict, other: dict) -> float:
    """Of any entry of two checkpoints' models, which must have the same names."""
    assert list(one["model"]) == list(other["model"])
    return max(
        float((value - other["model"][name]).abs().max()) for name, value in one["model"].items()
    )


def losses(printed: str) -> dict[int, tuple[str, str]]:
    """Loss and gradient norm of each update, as logged."""
    found = re.findall(
        r"train_inner .* loss=([\d.]+).* num_updates=(\d+).* gnorm=([\d.]+)", printed
    )
    return {int(update): (loss, norm) for loss, update, norm in found}


CONFIG = """# @package _global_
common: {{user_dir: {plugin}, cpu: true, no_progress_bar: true}}
task: {{_name: translation, data: "{data}"}}
criterion: {{_name: cross_entropy}}
dataset: {{batch_size: 16, curriculum: 99, disable_validation: true}}
optimization: {{max_update: 4, lr: [0.002]}}
optimizer: {{_name: adam, adam_eps: {eps}}}
lr_scheduler: {{_name: fixed}}
checkpoint: {{save_dir: "{folder}"}}
model:
  _name: shared_transformer_tiny
  encoder_layers: 4
  decoder_layers: 4
  encoder_unique_layers: 2
  decoder_unique_layers: 2
  share_all_embeddings: true
  dropout: 0
"""


def train_by_hydra(data: Path, folder: Path, **model: object) -> None:
    """fairseq-hydra-train with a YAML config: as ``train`` does, with options of the model."""
    config = folder.parent / "config"
    config.mkdir()
    values = {"plugin": PLUGIN, "data": data / "bin", "eps": ADAM_EPS, "folder": folder}
    lines = [f"  {name}: {value}\n" for name, value in model.items()]
    (config / "shared.yaml").write_text(CONFIG.format(**values) + "".join(lines))
    where = ("--config-dir", config, "--config-name", "shared")
    run("fairseq-hydra-train", *where, cwd=folder.parent)
