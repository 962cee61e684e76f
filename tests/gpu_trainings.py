"""fairseq-train on the card, in the ways that the tests look at, all of them side by side."""

import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from training import ADMIN, SHARED, meeting, start, train

UPDATES, HALF = 24, 12
WIDE = (
    *("--encoder-embed-dim", 256, "--encoder-ffn-embed-dim", 512),
    *("--decoder-embed-dim", 256, "--decoder-ffn-embed-dim", 512),
)
HALFWAY = ("--save-interval-updates", HALF)
LAST_ONE_ALONE = ("--no-save-optimizer-state", "--save-interval-updates", 99)


class Trainings:
    """Folders of checkpoints by name, each with what fairseq-train printed."""

    def __init__(self, data: Path, folder: Path, device: str) -> None:
        self.data, self.folder, self.device = data, folder, device
        self._pool = ThreadPoolExecutor(8 if device == "cuda" else 1)
        half = ("--fp16",) if device == "cuda" else ("--fp16", "--fp16-no-flatten-grads")
        self._running: dict[str, Future] = {
            "goes on": self._begin(self._go_on, *ADMIN),
            "goes on, half": self._begin(self._go_on, *ADMIN, *half),
            "stops": self._begin(self._stop, *SHARED),
            "process group": self._begin(self._in_a_group, *ADMIN),
            "weights alone": self._begin(
                self._once,
                *SHARED,
                *WIDE,
                "--no-save-optimizer-state",
                "--save-interval-updates",
                99,
            ),
            "average": self._begin(
                self._once, *ADMIN, *half, "--store-ema", "--ema-fp32", "--ema-decay", 0.5
            ),
        }

    def __getitem__(self, name: str) -> tuple[Path, str]:
        """The folder of a training and what was printed, once it has ended."""
        return self._running[name].result()

    def close(self) -> None:
        """Wait for what still runs, and begin nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, story, *options: object) -> Future:
        return self._pool.submit(story, self._new_folder(), *options)

    def _new_folder(self) -> Path:
        made = self.folder / str(len(list(self.folder.iterdir())))
        made.mkdir()
        return made

    def _once(self, save: Path, *options: object) -> tuple[Path, str]:
        return save, train(self.data, save, *options, updates=4, device=self.device).stdout

    def _go_on(self, save: Path, *options: object) -> tuple[Path, str]:
        """Half of the updates; then the other half, in a process of its own."""
        for updates in (HALF, UPDATES):
            printed = train(
                self.data, save, *options, *HALFWAY, updates=updates, device=self.device
            )
        return save, printed.stdout

    def _in_a_group(self, save: Path, *options: object) -> tuple[Path, str]:
        """As one process of a group of one: NCCL on a card."""
        backend = "nccl" if self.device == "cuda" else "gloo"
        group = (*meeting(1), "--distributed-rank", 0, "--distributed-backend", backend)
        return self._once(save, *options, *group)

    def _stop(self, save: Path, *options: object) -> tuple[Path, str]:
        """Asked to stop after some updates; what is returned begins with its status."""
        stopped = start(self.data, save, *options, *HALFWAY, updates=9999, device=self.device)
        for line in stopped.stdout:
            if f"num_updates={HALF + 2}," in line:
                stopped.send_signal(signal.SIGTERM)
                break
        printed = stopped.stdout.read()
        return save, f"{stopped.wait()} {printed}"
