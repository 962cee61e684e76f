"""docs/fairseq-options.md says of every option what the tests found, and of no other."""

from importlib import import_module
from pathlib import Path

from verdicts import VERDICTS

TESTS = Path(__file__).parents[1]
MODULES = (
    *("model_options", "language_options", "decoding_options", "training_options"),
    "growing_options",
)


def documented() -> list[tuple[str, str]]:
    """Option and verdict of each row of the page's tables."""
    lines = (TESTS.parent / "docs" / "fairseq-options.md").read_text().splitlines()
    rows = [line.split("|")[1:3] for line in lines if line.startswith("| `")]
    return [(option.strip().strip("`"), verdict.strip()) for option, verdict in rows]


def test_every_option_has_one_row_with_the_verdict_of_its_test():
    for module in MODULES:
        import_module(f"options.test_{module}")
    import_module("distributed.test_two_processes")
    rows = documented()
    assert len(rows) == len(dict(rows))
    assert dict(rows) == VERDICTS
