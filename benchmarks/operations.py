"""Operations that could replace those of a fairseq layer, forward and backward, base sizes.

Packed against separate projections to queries, keys and values; torch's fused attention against
the two products that fairseq's cross-attention computes; torch's dropout against masks that take
16 bits of each random number, where torch draws one for every element.
Example: python benchmarks/operations.py
"""

from collections.abc import Callable, Iterator

import harness
import torch
import torch.nn.functional as F
from systems import SIZES
from torch import Tensor

SIZE = SIZES["base"]
SHAPES = [(32, 25), (8, 100), (4, 200)]


def gradients(run: Callable[[], Tensor]) -> Callable[[], Iterator[str]]:
    """A case: ten times ``run`` and its backward pass."""

    def case() -> Iterator[str]:
        for _ in range(10):
            output = run()
            output.backward(output.detach())
        yield "ten passes"

    return case


def projections(sentences: int, length: int) -> dict[str, Callable]:
    x = torch.randn(length, sentences, SIZE.embed, requires_grad=True)
    weights = [torch.randn(SIZE.embed, SIZE.embed, requires_grad=True) for _ in range(3)]

    def separate() -> Tensor:
        return torch.stack([F.linear(x, weight) for weight in weights])

    def packed() -> Tensor:
        return torch.stack(F.linear(x, torch.cat(weights)).chunk(3, dim=-1))

    return {"projections: separate": separate, "projections: packed": packed}


def attention(sentences: int, length: int) -> dict[str, Callable]:
    shape = (sentences, SIZE.heads, length, SIZE.embed // SIZE.heads)  # (B, H, T, C / H)
    q, k, v = (torch.randn(shape, requires_grad=True) for _ in range(3))

    def products() -> Tensor:
        scores = (q * shape[-1] ** -0.5).flatten(0, 1) @ k.flatten(0, 1).transpose(1, 2)
        return scores.softmax(-1) @ v.flatten(0, 1)

    def fused() -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)

    return {"attention: products": products, "attention: fused": fused}


def dropout(sentences: int, length: int) -> dict[str, Callable]:
    x = torch.randn(length, sentences, SIZE.embed, requires_grad=True)
    dropped = round(0.1 * 2**16) - 2**15

    def torchs() -> Tensor:
        return F.dropout(x, 0.1)

    def four_a_draw() -> Tensor:
        draws = torch.empty(x.numel() // 4, dtype=torch.int64).random_(-(2**63), None)
        return x * (draws.view(torch.int16).view_as(x) >= dropped) / 0.9

    return {"dropout: torch's": torchs, "dropout: four a draw": four_a_draw}


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0], rounds=9).parse_args()
    torch.set_num_threads(args.threads)
    where = harness.machine()
    cases = {
        (name, shape): gradients(run)
        for shape in SHAPES
        for name, run in (projections(*shape) | attention(*shape) | dropout(*shape)).items()
    }
    rows = [
        {
            "operation": name,
            "sentences": sentences,
            "length": length,
            "ten passes, cpu s": timing.processor,
            "ten passes, s": timing.seconds,
        }
        for (name, (sentences, length)), timing in harness.interleaved(cases, args.rounds).items()
    ]
    harness.report("operations", rows, args, where)


if __name__ == "__main__":
    main()
