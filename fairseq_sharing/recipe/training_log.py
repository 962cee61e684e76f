"""What fairseq-train's log says: updates done, losses, speed and parameters."""

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

_RECORD = re.compile(r"\| (train_inner|valid) \| (\{.*\})$")
_PARAMETERS = re.compile(r"num\. shared model params: ([\d,]+) ")


class TrainingLog:
    """Follows a log file that may still be growing; its figures are None until they are known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.updates = 0
        self.valid_losses: dict[int, float] = {}
        self.parameters: int | None = None
        self._updates_per_second: list[float] = []
        self._tokens_per_second: list[float] = []
        self._offset = 0

    @property
    def valid_loss(self) -> float | None:
        """The latest of valid_losses, which holds one for each number of updates."""
        return next(reversed(self.valid_losses.values()), None)

    @property
    def updates_per_second(self) -> float | None:
        """The median over the log's intervals: pauses and a slow start do not move it."""
        return _median(self._updates_per_second)

    @property
    def tokens_per_second(self) -> float | None:
        """The median over the log's intervals, in target tokens without padding."""
        return _median(self._tokens_per_second)

    def refresh(self) -> "TrainingLog":
        """Read the complete lines that were added since the last time."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._offset)
                complete = file.read().rpartition(b"\n")[0]
            self._offset += len(complete)
            for line in complete.decode("utf-8", "replace").splitlines():
                self._read(line)
        return self

    def _read(self, line: str) -> None:
        if record := _RECORD.search(line):
            figures: dict[str, Any] = json.loads(record[2])
            if record[1] == "valid":
                self.updates = int(figures["valid_num_updates"])
                self.valid_losses[self.updates] = float(figures["valid_loss"])
            else:
                self._updates_per_second.append(float(figures["ups"]))
                self._tokens_per_second.append(float(figures["wps"]))
                self.updates = int(figures["num_updates"])
        elif parameters := _PARAMETERS.search(line):
            self.parameters = int(parameters[1].replace(",", ""))


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
