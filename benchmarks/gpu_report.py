"""The figures of benchmarks/gpu.py, written after every round: a run cut short loses nothing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import harness
import torch

PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0}
"""Dense bf16 TFLOP/s of a card whose name holds the key, from its data sheet."""


def card() -> dict[str, Any]:
    """The card, its driver and the versions, beside what ``harness.machine`` tells."""
    if not torch.cuda.is_available():
        return {"card": "none, on the CPU", **harness.machine()}
    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
    )
    return {
        "card": torch.cuda.get_device_name(),
        "driver": driver.stdout.strip().split("\n")[0],
        "CUDA": torch.version.cuda,
        **harness.machine(),
    }


def peak_tflops(name: str) -> float | None:
    """The card's peak by its name, if it is known."""
    return next((peak for key, peak in PEAKS.items() if key in name), None)


class Report:
    """Sections of rows; each change rewrites ``gpu.json`` and ``gpu.md`` in ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.facts = {"command": harness.this_command(), "machine": card()}
        self.sections: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[str] = []

    def put(self, section: str, rows: list[dict[str, Any]]) -> None:
        """Let a section have these rows, in place of those that it had."""
        self.sections[section] = rows
        self._write()

    def note(self, line: str) -> None:
        """Add a line on what could not be measured."""
        self.notes.append(line)
        self._write()

    def markdown(self) -> str:
        """All that was measured."""
        machine = ", ".join(f"{key} {value}" for key, value in self.facts["machine"].items())
        lines = [f"`{self.facts['command']}`", machine]
        for title, rows in self.sections.items():
            lines += ["", f"### {title}", "", *harness.table(rows)]
        return "\n".join(lines + [f"\n{note}" for note in self.notes]) + "\n"

    def _write(self) -> None:
        content = {**self.facts, "sections": self.sections, "notes": self.notes}
        (self.folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n")
        (self.folder / "gpu.md").write_text(self.markdown())
