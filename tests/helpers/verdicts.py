"""What tests found out about fairseq's options; docs/fairseq-options.md must say the same."""

from collections.abc import Iterable

WORKS = "works"
REFUSED = "refused"

VERDICTS: dict[str, str] = {}


def verdict(result: str, options: Iterable[str]) -> list[str]:
    """Note the result of the tests for each of ``options``, which are returned as a list."""
    listed = list(options)
    VERDICTS.update(dict.fromkeys(listed, result))
    return listed
