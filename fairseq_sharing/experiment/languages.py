"""Facts about languages, by their codes."""

TWO_LETTERS = {
    "bod": "bo", "cmn": "zh", "dzo": "dz", "jpn": "ja", "khm": "km", "kor": "ko", "lao": "lo",
    "mya": "my", "tha": "th", "yue": "zh", "zho": "zh",
}  # fmt: skip
"""Of codes of three letters, which corpora use, as in zho_Hans."""

UNSPACED = {
    "bo": "Tibetan", "dz": "Dzongkha", "ja": "Japanese", "km": "Khmer", "lo": "Lao",
    "my": "Burmese", "th": "Thai", "zh": "Chinese",
}  # fmt: skip
"""Languages without spaces between words."""


def code_of(language: str) -> str:
    """The language in two letters, as far as these are known, without script and country."""
    primary = language.replace("_", "-").split("-")[0].lower()
    return TWO_LETTERS.get(primary, primary)
