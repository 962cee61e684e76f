"""fairseq's commands on the card, in the ways that the tests look at, all of them side by side."""

import re
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from support import PLUGIN, run
from training import ADMIN, SHARED, meeting, start, train

UPDATES, HALF = 24, 12
WIDE = (
    *("--encoder-embed-dim", 256, "--encoder-ffn-embed-dim", 512),
    *("--decoder-embed-dim", 256, "--decoder-ffn-embed-dim", 512),
)
HALFWAY = ("--save-interval-updates", HALF)
LAST_ALONE = ("--no-save-optimizer-state", "--save-interval-updates", 99)
AVERAGE = ("--store-ema", "--ema-fp32", "--ema-decay", 0.5)
GROWING = (*SHARED, "--grow-depth-at", f"{HALF // 2},{HALF + 2}")


class Trainings:
    """What commands returned, by name: of a training, its folder and what it printed."""

    def __init__(self, data: Path, folder: Path, device: str) -> None:
        self.data, self.folder, self.device = data, folder, device
        self._pool = ThreadPoolExecutor(8 if device == "cuda" else 2)
        self._results: dict[str, Future] = {}
        half = ("--fp16",) if device == "cuda" else ("--fp16", "--fp16-no-flatten-grads")
        self._begin("in halves", self._in_halves, *ADMIN)
        self._begin("in halves, fp16", self._in_halves, *ADMIN, *half)
        self._begin("growing", self._in_halves, *GROWING)
        self._begin("growing, fp16", self._in_halves, *GROWING, *half)
        self._begin("alone", self._once, *ADMIN)
        self._begin("process group", self._in_a_group, *ADMIN)
        self._begin("stopped", self._stop, *SHARED)
        self._begin("weights alone", self._once, *SHARED, *WIDE, *LAST_ALONE)
        self._begin("average", self._once, *ADMIN, *half, *AVERAGE)
        for name, options in (("in halves", ADMIN), ("growing", GROWING)):
            self._begin(f"{name}, then on the CPU", self._second_half_on_the_cpu, name, *options)
            self._begin(f"{name}, translations", self._translate, name, device)
            self._begin(f"{name}, translations on the CPU", self._translate, name, "cpu")
        self._begin("from fp16", self._from_fp16_on_the_cpu, "in halves, fp16", *ADMIN)

    def __getitem__(self, name: str):
        """What is there under a name, once its command has ended."""
        return self._results[name].result()

    def close(self) -> None:
        """Wait for what still runs, and begin nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, name: str, story: Callable, *arguments: object) -> None:
        folder = self.folder / name
        folder.mkdir()
        self._results[name] = self._pool.submit(story, folder, *arguments)

    def _train(self, save: Path, *options: object, updates: int = 4, device: str = "") -> str:
        where = device or self.device
        return train(self.data, save, *options, updates=updates, device=where).stdout

    def _once(self, save: Path, *options: object) -> tuple[Path, str]:
        return save, self._train(save, *options)

    def _in_halves(self, save: Path, *options: object) -> tuple[Path, str]:
        """Half of the updates; then the other half, by a process of its own."""
        for updates in (HALF, UPDATES):
            printed = self._train(save, *options, *HALFWAY, updates=updates)
        return save, printed

    def _second_half_on_the_cpu(self, save: Path, name: str, *options: object) -> Path:
        """The second half of a training from its checkpoint."""
        (first,) = self[name][0].glob(f"checkpoint_*_{HALF}.pt")
        shutil.copy(first, save / "checkpoint_last.pt")
        self._train(save, *options, *HALFWAY, updates=UPDATES, device="cpu")
        return save

    def _from_fp16_on_the_cpu(self, save: Path, name: str, *options: object) -> Path:
        """An update that changes nothing, in full precision with a new optimizer."""
        start = ("--finetune-from-model", self[name][0] / "checkpoint_last.pt", "--lr", 1e-30)
        self._train(save, *options, *start, updates=1, device="cpu")
        return save

    def _in_a_group(self, save: Path, *options: object) -> tuple[Path, str]:
        """As one process of a group of one: NCCL on a card."""
        backend = "nccl" if self.device == "cuda" else "gloo"
        group = (*meeting(1), "--distributed-rank", 0, "--distributed-backend", backend)
        return self._once(save, *options, *group)

    def _stop(self, save: Path, *options: object) -> tuple[Path, str, int]:
        """Asked to stop after some updates; with the status at its end."""
        stopped = start(self.data, save, *options, *HALFWAY, updates=9999, device=self.device)
        for line in stopped.stdout:
            if f"num_updates={HALF + 2}," in line:
                stopped.send_signal(signal.SIGTERM)
                break
        return save, stopped.stdout.read(), stopped.wait()

    def _translate(self, _: Path, name: str, device: str) -> list[str]:
        """fairseq-generate's best translations by the last checkpoint, in order."""
        path = self[name][0] / "checkpoint_last.pt"
        printed = run(
            *("fairseq-generate", self.data / "bin", "--path", path, "--user-dir", PLUGIN),
            *("--beam", 4, "--required-batch-size-multiple", 1),
            *(("--cpu",) if device == "cpu" else ()),
        ).stdout
        found = re.findall(r"^H-(\d+)\t.*\t(.*)$", printed, re.MULTILINE)
        return [line for _, line in sorted(found, key=lambda pair: int(pair[0]))]
