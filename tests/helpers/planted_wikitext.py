"""A WikiText of a few short articles, as files or as the archive that the real one comes in."""

import random
import zipfile
from pathlib import Path

from fairseq_sharing.corpus.wikitext import ARCHIVE, SPLITS

WORDS = [f"{a}{b}" for a in ("ba", "do", "ki", "@-@", "Ö") for b in ("men", "ros", ".")]
ARTICLES = {"train": 40, "valid": 5, "test": 14}


def article(number: int, draw: random.Random) -> list[str]:
    """A title, paragraphs, and a section with a line that looks like a title."""
    lines = [" ", f" = Title {number} = ", " "]
    for _ in range(draw.randint(1, 3)):
        words = [*draw.choices(WORDS, k=draw.randint(3, 12)), "<unk>"]
        lines += [f" {' '.join(words)} ", " = no title = ", " ", " = = Section = = ", " "]
    return lines


def text(split: str) -> str:
    draw = random.Random(split)
    articles = range(ARTICLES[split])
    return "".join(f"{line}\n" for number in articles for line in article(number, draw))


def plant_wikitext(cache: Path) -> Path:
    """The three files in a folder that is $XDG_CACHE_HOME; returns the folder that they are in."""
    folder = cache / "fairseq_sharing" / "wikitext-103"
    folder.mkdir(parents=True)
    for split in SPLITS:
        (folder / f"wiki.{split}.tokens").write_text(text(split), "utf-8")
    return folder


def make_archive(folder: Path) -> Path:
    """The archive, with a member beside the splits that would be unpacked outside its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../outside", "no")
        for split in SPLITS:
            archive.writestr(f"wikitext-103/wiki.{split}.tokens", text(split))
    return folder / ARCHIVE
