"""Which language a text is in, by py3langid, whose model comes with the package."""

from functools import cache
from typing import Any

from ..errors import SharingError


def require_identification(languages: tuple[str, str]) -> None:
    """Raise SharingError unless py3langid is there and knows the languages."""
    known = _identifier().labels
    for language in languages:
        if language not in known:
            raise SharingError(
                f"[data] identify_languages: py3langid does not know '{language}'; it knows "
                f"{', '.join(sorted(known))}"
            )


def language_of(text: str) -> str:
    """The code of the likeliest language, such as "de"."""
    return _identifier().classify(text)[0]


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise SharingError(
            "[data] identify_languages needs py3langid: pip install py3langid"
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE)
