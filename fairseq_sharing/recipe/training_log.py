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
        self.valid_loss: float | None = None
        self.parameters: int | None = None
        self._speeds: list[float] = []
        self._offset = 0

    @property
    def updates_per_second(self) -> float | None:
        """The median over the log's intervals: pauses and a slow start do not move it."""
        return median(self._speeds) if self._speeds else None

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
                self.valid_loss = float(figures["valid_loss"])
                self.updates = int(figures["valid_num_updates"])
            else:
                self._speeds.append(float(figures["ups"]))
                self.updates = int(figures["num_updates"])
        elif parameters := _PARAMETERS.search(line):
            self.parameters = int(parameters[1].replace(",", ""))
