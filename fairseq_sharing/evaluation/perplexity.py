"""Perplexity of language models on a test set, with intervals and tests over its documents.

fairseq-eval-lm prints the natural logarithm of the probability that a model gives each token.
Their sum over the test set, by tokens or by words, is the perplexity. Documents are resampled for
its 95 % interval and, the same ones for two models, for the test of a difference.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SharingError

RESAMPLES = 1000
SEED = 12345
"""Both are sacreBLEU's defaults."""

LEAST_DOCUMENTS = 10
"""Fewer documents are too few to resample."""

END = "</s>"
_SAMPLE = re.compile(r"^.*?fairseq_cli\.eval_lm(?: \| |:)(\d+) (.+\])$", re.MULTILINE)


@dataclass(frozen=True)
class Perplexity:
    """One system on one test set: half-widths of 95 % intervals, p against the baseline.

    A word is what stands between spaces, or the end of a line. Of fewer than LEAST_DOCUMENTS
    documents there is neither interval nor p.
    """

    perplexity: float
    perplexity_interval: float | None
    word_perplexity: float
    word_perplexity_interval: float | None
    p_value: float | None
    baseline: str
    tokens: int
    words: int
    documents: int


def line_losses(output: str, lines: Sequence[str]) -> np.ndarray:
    """Minus the logarithm of each line's probability, its end included, (L,).

    ``output`` is that of fairseq-eval-lm with ``--output-word-probs``, ``lines`` are the test set
    in tokens. Raises SharingError unless each token was scored, once: no perplexity is given for a
    part of a test set.
    """
    samples = {int(number): tokens for number, tokens in _SAMPLE.findall(output)}
    losses = [loss for number in sorted(samples) for loss in _losses(samples[number])]
    lengths = np.array([len(line.split()) + len([END]) for line in lines])
    if len(losses) != lengths.sum():
        raise SharingError(
            f"fairseq-eval-lm scored {len(losses):,} of {lengths.sum():,} tokens: no perplexity is "
            "given for a part of a test set"
        )
    if not np.isfinite(losses).all():
        raise SharingError(
            "fairseq-eval-lm gives a token no probability: the training has diverged"
        )
    return np.add.reduceat(losses, np.cumsum(lengths) - lengths)


def _losses(tokens: str) -> Iterator[float]:
    for token in tokens.split("\t"):
        yield -float(token.rpartition(" [")[2].removesuffix("]"))


def perplexities(
    losses: dict[str, np.ndarray],
    tokens: Sequence[int],
    words: Sequence[int],
    documents: Sequence[int],
    baseline: str,
) -> dict[str, Perplexity]:
    """Perplexities of systems, each tested against the baseline.

    All are of the same L lines: ``losses`` by system, and for each line how many ``tokens`` and
    ``words`` it has, its end included, and the number of its document.
    """
    if len({len(tokens), len(words), len(documents), *map(len, losses.values())}) > 1:
        raise SharingError(
            "a test set's text, subwords, documents and losses have not as many lines: a file in "
            "corpus, spm or a run folder was changed; prepare and evaluate again in a new folder"
        )
    _, index = np.unique(np.asarray(documents), return_inverse=True)
    sizes = np.stack([_by_document(tokens, index), _by_document(words, index)])  # (2, D)
    draws = np.random.default_rng(SEED).integers(sizes.shape[1], size=(RESAMPLES, sizes.shape[1]))
    rates = {}
    for name, of_lines in losses.items():
        total = _by_document(of_lines, index)
        rates[name] = (total.sum() / sizes.sum(1), total[draws].sum(1) / sizes[:, draws].sum(2))
    tested = sizes.shape[1] >= LEAST_DOCUMENTS
    found = {}
    for name, (rate, drawn) in rates.items():
        by_token, by_word = (
            (float(np.exp(rate[each])), _interval(drawn[each]) if tested else None)
            for each in (0, 1)
        )
        found[name] = Perplexity(
            *by_token,
            *by_word,
            p_value=_p_value(rates[name], rates[baseline]) if tested and name != baseline else None,
            baseline=baseline,
            tokens=int(sizes[0].sum()),
            words=int(sizes[1].sum()),
            documents=sizes.shape[1],
        )
    return found


def _by_document(values: Sequence[float] | np.ndarray, index: np.ndarray) -> np.ndarray:
    """Sums over the lines of each document, (D,)."""
    return np.bincount(index, weights=np.asarray(values, dtype=float))


def _interval(drawn: np.ndarray) -> float:
    low, high = np.quantile(np.exp(drawn), (0.025, 0.975))
    return float(high - low) / 2


def _p_value(
    system: tuple[np.ndarray, np.ndarray], baseline: tuple[np.ndarray, np.ndarray]
) -> float:
    """Of a paired bootstrap test, as in sacreBLEU: how often chance alone differs as much."""
    difference = abs(system[0][0] - baseline[0][0])
    drawn = system[1][0] - baseline[1][0]
    by_chance = np.abs(drawn - drawn.mean())
    return float((np.count_nonzero(by_chance >= difference) + 1) / (RESAMPLES + 1))
