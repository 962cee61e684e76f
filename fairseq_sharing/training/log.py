"""What fairseq-train's log says: updates done, losses, speed and parameters."""

import contextlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from ..files import write_lines

Record = dict[str, Any]

_RECORD = re.compile(r"\| (train_inner|valid) \| (\{[^{}]*\})$")
_BEGIN = re.compile(r"Loaded checkpoint .* @ (\d+) updates\)$|No existing checkpoint found")
_REACHED = re.compile(r"epoch \d+ @ (\d+) updates")
_PARAMETERS = re.compile(r"num\. shared model params: ([\d,]+) ")


class TrainingLog:
    """Follows a log file that may still be growing; its figures are None until they are known.

    records holds what fairseq logged, oldest first, and each update once: updates that an
    interrupted attempt made after its last checkpoint are dropped, since the next attempt made them
    again. A record has its kind, train or valid, the number of updates, and fairseq's figures
    without its prefix valid_.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[Record] = []
        self.parameters: int | None = None
        self._offset = 0
        self._saved = 0

    @property
    def updates(self) -> int:
        """The number of updates made, by the last record or checkpoint."""
        return max(self._saved, self.records[-1]["updates"] if self.records else 0)

    @property
    def valid_losses(self) -> dict[int, float]:
        """One for each number of updates, oldest first; only those that are finite numbers."""
        return _finite({record["updates"]: record.get("loss") for record in self._of_kind("valid")})

    @property
    def valid_loss(self) -> float | None:
        """That of the last validation, None if it is no finite number."""
        updates = [record["updates"] for record in self._of_kind("valid")][-1:]
        return self.valid_losses.get(*updates) if updates else None

    @property
    def diverged(self) -> bool:
        """Whether the last validation, or without any the last update, gave no finite loss."""
        losses = [record["loss"] for record in self.records if "loss" in record]
        validated = [record["loss"] for record in self._of_kind("valid") if "loss" in record]
        return not all(map(math.isfinite, (validated or losses)[-1:]))

    def outcome(self, max_update: int) -> str | None:
        """How a training that has ended differs from its settings: it diverged or stopped early."""
        if self.diverged:
            return "diverged"
        if self.updates < max_update:
            return f"stopped after {self.updates:,} of {max_update:,} updates"
        return None

    def updates_per_second(self, first: int = 0, end: float = math.inf) -> float | None:
        """The median over the log's intervals: pauses and a slow start do not move it.

        Of the updates after ``first`` and up to ``end`` alone, if they are given.
        """
        return self._median(_updates_per_second, first, end)

    def tokens_per_second(self, first: int = 0, end: float = math.inf) -> float | None:
        """As ``updates_per_second``, in target tokens without padding."""
        return self._median(lambda record: record.get("wps"), first, end)

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

    def save_records(self, path: Path) -> None:
        """Write the records as JSON, one a line; figures that are no finite number are null."""
        write_lines(path, [json.dumps(_without_infinity(record)) for record in self.records])

    def _read(self, line: str) -> None:
        if found := _RECORD.search(line):
            with contextlib.suppress(ValueError, KeyError):  # two processes may write into one line
                self.records.append(_record(found[1], json.loads(found[2])))
        elif begin := _BEGIN.search(line):
            self._saved = int(begin[1] or 0)
            self.records = [one for one in self.records if one["updates"] <= self._saved]
        elif reached := _REACHED.search(line):
            self._saved = int(reached[1])
        elif parameters := _PARAMETERS.search(line):
            self.parameters = int(parameters[1].replace(",", ""))

    def _of_kind(self, kind: str) -> list[Record]:
        return [record for record in self.records if record["kind"] == kind]

    def _median(self, figure: Callable[[Record], Any], first: int, end: float) -> float | None:
        trained = self._of_kind("train")
        values = {n: figure(one) for n, one in enumerate(trained) if first < one["updates"] <= end}
        finite = _finite(values).values()
        return median(finite) if finite else None


def _updates_per_second(record: Record) -> Any:
    """By words, where they are logged: fairseq leaves two decimals to the figure itself."""
    words, of_update = record.get("wps"), record.get("wpb")
    if isinstance(words, float) and isinstance(of_update, float) and words > 0 < of_update:
        return words / of_update
    return record.get("ups")


def _record(kind: str, logged: Record) -> Record:
    """A record of fairseq's with numbers for strings, without its fraction of an epoch."""
    figures = {name.removeprefix("valid_"): _number(value) for name, value in logged.items()}
    figures.pop("update", None)
    updates = int(figures.pop("num_updates"))
    return {"kind": "valid" if kind == "valid" else "train", "updates": updates} | figures


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _finite(values: dict[Any, Any]) -> dict[Any, float]:
    """Those of the values that are finite numbers."""
    return {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _without_infinity(record: Record) -> Record:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }
