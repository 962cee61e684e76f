"""The devices that train a model together: how they share a batch, and what starts them."""

import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

import torch

from ..errors import SharingError
from ..patches.torchrun import PLACE

Kind = Literal["gpu", "cpu"]
PRECISIONS = ("auto", "fp32", "fp16", "bf16")


@dataclass(frozen=True)
class Devices:
    """GPUs, or on a machine without any, processes on its cores: per_node on each of the nodes.

    The rendezvous of several nodes is a host and a port; the n-th training takes port + n. rank is
    the number of this node. Where torchrun or Slurm has started a process for each device
    (started), rank is that of this process. Only rank 0 writes to the run folder.
    """

    kind: Kind
    per_node: int = 1
    nodes: int = 1
    rank: int = 0
    host: str = "localhost"
    port: int = 0
    started: bool = False

    @property
    def count(self) -> int:
        return self.per_node * self.nodes

    def __str__(self) -> str:
        name = {"gpu": "GPU", "cpu": "CPU process"}[self.kind]
        plural = {"gpu": "GPUs", "cpu": "CPU processes"}[self.kind]
        return f"{self.count} {name if self.count == 1 else plural}"

    def options(self) -> dict[str, Any]:
        """The fairseq-train options that depend on where a training runs.

        On a CPU no batches are read ahead: a thread that still reads when training ends can abort
        fairseq-train. On a GPU a worker process reads ahead.
        """
        if self.kind == "gpu":
            return {"distributed-world-size": self.count, "num-workers": 1, "data-buffer-size": 0}
        together = {"distributed-world-size": self.count} if self.count > 1 else {}
        return {"cpu": True, "num-workers": 0, "data-buffer-size": 0} | together

    def command(self, fairseq_train: list[str], number: int = 0) -> list[str]:
        """The command of this node that starts the training with this number, from 0."""
        if self.count == 1 or self.started:
            return fairseq_train
        meeting = ["--standalone"]
        if self.nodes > 1:
            meeting = ["--nnodes", str(self.nodes), "--node-rank", str(self.rank)]
            meeting += ["--rdzv-endpoint", f"{self.host}:{self.port + number}"]
        torchrun = [sys.executable, "-m", "torch.distributed.run", *meeting]
        return [*torchrun, "--nproc-per-node", str(self.per_node), *fairseq_train]

    def environment(self, number: int = 0) -> dict[str, str]:
        """The rendezvous of the training with this number, where a launcher started processes.

        It is not the launcher's own rendezvous, whose store would hold entries of the training
        before.
        """
        if not self.started:
            return {}
        return {"MASTER_PORT": str(self.port + number), "TORCHELASTIC_USE_AGENT_STORE": "False"}


def _from_environment(name: str, default: int, *, least: int = 1) -> int:
    """A whole number that a launcher has set; raises SharingError for anything else."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise SharingError(
            f"{name}='{text}' must be a whole number, at least {least}: a launcher sets it; unset "
            "it to train on this machine alone"
        )
    return int(text)


def these_devices(
    per_node: int | None = None, nodes: int = 1, rank: int = 0, endpoint: str | None = None
) -> Devices:
    """This machine's devices: the visible GPUs, or one CPU process; per_node overrides the number.

    Under torchrun and similar launchers, those that they started processes for. Raises SharingError
    for more GPUs than there are, and for an incomplete rendezvous.
    """
    gpus = torch.cuda.device_count()
    kind: Kind = "gpu" if gpus else "cpu"
    processes = _from_environment("WORLD_SIZE", 1)
    if processes > 1:
        if nodes > 1 or rank or endpoint or per_node not in (None, 1):
            raise SharingError(
                f"WORLD_SIZE={processes}: this was started as {processes} processes, which are its "
                "devices; leave out --devices, --nodes, --node-rank and --rdzv-endpoint, or start "
                "it once on each machine"
            )
        missing = [name for name in PLACE if name not in os.environ]
        if missing:
            raise SharingError(
                f"WORLD_SIZE={processes} is set without {', '.join(missing)}: a launcher sets all "
                "of them; unset WORLD_SIZE to train on this machine alone"
            )
        here = _from_environment("LOCAL_WORLD_SIZE", processes)
        rank, port = (_from_environment(name, 0, least=0) for name in ("RANK", "MASTER_PORT"))
        return Devices(kind, here, processes // here, rank, port=port + 1, started=True)
    if gpus and per_node is not None and per_node > gpus:
        raise SharingError(
            f"--devices {per_node}: this machine shows {gpus} GPUs; give 1 to {gpus}"
        )
    if not 0 <= rank < nodes:
        raise SharingError(f"--node-rank {rank}: with --nodes {nodes} it must be 0 to {nodes - 1}")
    if nodes == 1 and endpoint:
        raise SharingError(
            f"--rdzv-endpoint {endpoint} is for several machines: give --nodes, or leave it out"
        )
    name, _, number = (endpoint or "").rpartition(":")
    if nodes > 1 and not (name and number.isdecimal() and 0 < int(number) < 2**16):
        raise SharingError(
            f"--nodes {nodes} needs --rdzv-endpoint HOST:PORT, where the first one can be reached; "
            + (f"it is '{endpoint}'" if endpoint else "none is given")
        )
    return Devices(kind, per_node or gpus or 1, nodes, rank, name, int(number or 0))


def update_freq(batch_tokens: int, max_tokens: int, devices: int) -> int:
    """fairseq's update-freq: batches of max_tokens on each device for an update of batch_tokens.

    Raises SharingError if that is no whole number; it names the numbers of devices that work.
    """
    parts, rest = divmod(batch_tokens, max_tokens)
    if rest:
        raise SharingError(
            f"batch_tokens = {batch_tokens} is no multiple of max-tokens = {max_tokens}: "
            "no number of devices gives that batch; change [train] max-tokens"
        )
    if parts % devices:
        fitting = [str(number) for number in range(1, parts + 1) if parts % number == 0]
        raise SharingError(
            f"{devices} devices with {max_tokens:,} tokens each cannot give the batch of "
            f"{batch_tokens:,} tokens that batch_tokens asks for: train on one of these "
            f"numbers of devices in all: {', '.join(fitting)}"
        )
    return parts // devices


def precision_for(wanted: str, devices: Devices) -> str:
    """fp32, fp16 or bf16: the one that is wanted, or for "auto" the best that the devices have.

    GPUs of other machines are assumed to have bf16. Raises SharingError where fairseq cannot train
    in what is wanted.
    """
    if devices.kind == "cpu":
        if wanted not in ("auto", "fp32"):
            raise SharingError(
                f"--precision {wanted}: there is no GPU, and fairseq trains in fp32 without one"
            )
        return "fp32"
    here = torch.cuda.is_available()
    bf16 = not here or torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "bf16" and not bf16:
        raise SharingError("--precision bf16: this GPU has no bf16; give fp16 or fp32")
    if wanted == "auto":
        return "bf16" if bf16 else "fp16"
    return wanted
