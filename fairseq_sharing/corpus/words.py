"""Words of a text and their number, in scripts with spaces between words and without.

Scripts without spaces are counted in characters, divided by the average length of a word, so that a
limit in words and a ratio of two sides mean the same in every script.
"""

import math
import re

_IDEOGRAPHIC = (
    "\u2e80-\u2fff"  # radicals
    "\u3001-\u312f"  # punctuation, hiragana, katakana, bopomofo
    "\u31a0-\u9fff"  # more of them, Han, with extension A
    "\ua000-\ua4cf"  # Yi
    "\uf900-\ufaff"  # Han, for compatibility
    "\uff01-\uff9f"  # full-width letters and punctuation, half-width katakana
    "\U0001b000-\U0001b16f"  # more kana
    "\U00020000-\U0003ffff"  # Han, rare
)
_SYLLABIC = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17ff\u19e0-\u19ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf"  # Tai Le, New Tai Lue, Tai Tham
)
CHARACTERS_A_WORD = {_IDEOGRAPHIC: 2, _SYLLABIC: 4}
"""Of each group of scripts without spaces; vowel signs and tones are characters, too."""

_UNSPACED = {
    re.compile(f"[{group}]"): characters for group, characters in CHARACTERS_A_WORD.items()
}
_WORD = re.compile(rf"[{_IDEOGRAPHIC}{_SYLLABIC}]|[^\s{_IDEOGRAPHIC}{_SYLLABIC}]+")


def length_in_words(text: str) -> int:
    """Words between spaces, and characters of scripts without by what a word has of them."""
    words = 0.0
    if not text.isascii():
        for characters, a_word in _UNSPACED.items():
            text, found = characters.subn(" ", text)
            words += found / a_word
    return len(text.split()) + math.ceil(words)


def words_of(text: str) -> list[tuple[int, int]]:
    """Where each word begins and ends; of scripts without spaces, each character.

    >>> [text[begin:end] for text in ["a red 红门"] for begin, end in words_of(text)]
    ['a', 'red', '红', '门']
    """
    return [found.span() for found in _WORD.finditer(text)]
