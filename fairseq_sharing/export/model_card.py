"""The README.md of an exported model, in the card format of Hugging Face."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..checkpoint.contents import Checkpoint
from ..checkpoint.inspect import inspect
from ..errors import SharingError
from ..experiment.stages import Stage
from ..files import sha256
from .card_sections import data, model, scores_of_texts, scores_of_translations
from .positions import positions_in

USES = {
    "translation": "fairseq-sharing translate --model {} < input.txt > output.txt",
    "text-generation": "python -c 'import ctranslate2; "
    'print(ctranslate2.Generator("{}").generate_batch([["</s>"]], max_length={}))\'',
}
"""A command for each task of Hugging Face's, of the model's name and a length."""

LENGTH = 50
"""Tokens of a text that a language model is asked for, unless it takes fewer."""

METRICS = {"translation": ("bleu", "chrf"), "text-generation": ("perplexity", "word_perplexity")}
"""What is measured of each, as scores name it."""


@dataclass(frozen=True)
class Card:
    """What a card says beyond what the checkpoint does.

    ``languages`` are those that it translates from and to, or none if it is a language model.
    ``run_folder`` is that of one system of an experiment, as ``fairseq-sharing train`` and
    ``evaluate`` fill it; what it does not hold is left out of the card.
    """

    name: str
    languages: tuple[str, ...]
    quantization: str
    license: str = "unknown"
    run_folder: Path | None = None

    def text(self, checkpoint: Checkpoint, size: int) -> str:
        """The card of ``checkpoint``, exported as a folder of ``size`` bytes.

        Raises SharingError if the records in ``run_folder`` are damaged.
        """
        facts = inspect(checkpoint)
        try:
            return self._text(facts, size, checkpoint)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise SharingError(
                f"--run-folder {self.run_folder}: its scores.json, or corpus/manifest.json beside "
                f"it, is damaged ({error}); run fairseq-sharing prepare and evaluate again"
            ) from None

    def _text(self, facts: dict[str, Any], size: int, checkpoint: Checkpoint) -> str:
        corpus, scores = self._json("../corpus/manifest.json"), self._json("scores.json")
        positions, other = (
            positions_in(checkpoint.options()),
            self._scored_other(scores, checkpoint),
        )
        shared = facts["parameters"] < facts["parameters_unshared"]
        metadata = self._metadata(corpus, {} if other else scores, shared)
        header = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
        purpose = "Translates {} to {}." if self.languages else "A language model."
        kind = "A Transformer whose layers share parameters." if shared else "A Transformer."
        sections = [
            f"---\n{header}---",
            f"# {self.name}",
            f"{purpose.format(*self.languages)} {kind}",
            model(facts, size, self.quantization),
            data(corpus),
            self._scores(scores, other),
            self._commands(min(LENGTH, positions.target)),
        ]
        return "\n\n".join(section for section in sections if section) + "\n"

    @property
    def _task(self) -> str:
        """What Hugging Face calls it."""
        return "translation" if self.languages else "text-generation"

    def _metadata(
        self, corpus: dict[str, Any], scores: dict[str, Any], shared: bool
    ) -> dict[str, Any]:
        """What Hugging Face reads."""
        tags = [self._task, "ctranslate2", "fairseq"]
        metadata: dict[str, Any] = {
            "language": list(self.languages),
            "license": self.license,
            "library_name": "ctranslate2",
            "pipeline_tag": self._task,
            "tags": [*tags, "parameter-sharing"] if shared else tags,
        }
        results = [
            {
                "task": {"type": self._task},
                "dataset": {"name": f"{corpus.get('corpus', 'own')} {name}", "type": "text"},
                "metrics": [
                    {"type": metric, "value": round(score[metric], 2)}
                    for metric in METRICS[self._task]
                ],
            }
            for name, score in scores.items()
        ]
        if results:
            metadata["model-index"] = [{"name": self.name, "results": results}]
        return metadata

    def _commands(self, length: int) -> str:
        lines = [USES[self._task].format(self.name, length)]
        if self.run_folder and (command := self.run_folder / "command.txt").exists():
            lines.append(command.read_text("utf-8").strip())
        blocks = "\n\n".join(f"```sh\n{line}\n```" for line in lines)
        return f"## Commands\n\nTo use it; where known, how it was trained:\n\n{blocks}"

    def _scores(self, scores: dict[str, Any], other: str | None) -> str:
        half = any(one.get("generate", {}).get("fp16") for one in self._decodings(scores))
        precision = "float16" if half else "float32"
        of = f"another file than the exported one, SHA-256 {other}" if other else "the checkpoint"
        if not scores:
            return ""
        return (scores_of_translations if self.languages else scores_of_texts)(
            scores, of, precision
        )

    def _scored_other(self, scores: dict[str, Any], checkpoint: Checkpoint) -> str | None:
        """The SHA-256 of the file that was scored, if it is known and is not the exported one.

        One that was stripped since, or another system's, is another file.
        """
        scored = {str(one["checkpoint"]) for one in self._decodings(scores) if "checkpoint" in one}
        return min(scored - {sha256(checkpoint.path)}, default=None) if scored else None

    def _decodings(self, scores: dict[str, Any]) -> list[dict[str, Any]]:
        """What evaluate recorded of the outputs that were scored."""
        folder = self.run_folder
        stages = [Stage(folder, f"decode.{name}", {}) for name in scores] if folder else []
        return [stage.recorded() or {} for stage in stages]

    def _json(self, path: str) -> dict[str, Any]:
        if self.run_folder is None:
            return {}
        # Beside a run that was linked, not beside what the link leads to.
        file = Path(os.path.normpath(self.run_folder.absolute() / path))
        return json.loads(file.read_text("utf-8")) if file.exists() else {}


def check_run_folder(folder: Path) -> None:
    """Raise SharingError unless ``folder`` is of a system that was trained."""
    if not (folder / "command.txt").is_file():
        raise SharingError(
            f"--run-folder {folder} holds no command.txt; give the folder of one system, such as "
            "runs/demo/sequence_grown"
        )
