"""A validation whose translations are all empty has a BLEU of 0.

fairseq logs BLEU only if something was translated, and then looks for what
``--best-checkpoint-metric bleu`` asks for: a KeyError in the midst of the training.
"""

import functools
from typing import Any


def count_as_zero(fairseq_train: Any) -> None:
    """Make the validations that ``fairseq_train``, the module of that command, runs find BLEU."""
    get_valid_stats = fairseq_train.get_valid_stats

    @functools.wraps(get_valid_stats)
    def with_bleu(cfg: Any, trainer: Any, stats: dict[str, Any], *args: Any) -> dict[str, Any]:
        if getattr(cfg.task, "eval_bleu", False):
            stats.setdefault("bleu", 0.0)
        return get_valid_stats(cfg, trainer, stats, *args)

    fairseq_train.get_valid_stats = with_bleu
