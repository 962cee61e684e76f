"""The corpora that come as packages of Debian and Ubuntu, and reading their sets."""

from collections.abc import Callable
from pathlib import Path

from ..errors import SharingError
from .debian import Packages
from .libreoffice import read_help, read_interface
from .manuals import Manual
from .messages import messages_of
from .parallel_text import Segment

Read = Callable[[Packages, tuple[str, str]], list[Segment]]

LIBREOFFICE: dict[str, Read] = {"help": read_help, "ui": read_interface}


def _mallard(package: str) -> Read:
    """Pages of help for GNOME, whose English is called C."""
    pages = "usr/share/help/{}/**/*.page"
    return Manual(package, pages, {"en": "C"}, moved=f"{package}-{{}}").read


CORPORA: dict[str, dict[str, Read]] = {
    "libreoffice": LIBREOFFICE,
    "debian": {
        "libreoffice-help": read_help,
        "libreoffice-ui": read_interface,
        "gnome-help": _mallard("gnome-user-docs"),
        "evolution-help": _mallard("evolution-common"),
        "evince-help": _mallard("evince-common"),
        "gimp-help": Manual("gimp-help-{}", "usr/share/gimp/*/help/{}/**/*.html").read,
        "debian-reference": Manual("debian-reference-{}", "usr/share/**/*.{}.html").read,
        "git-manual": Manual("git-doc", "usr/share/doc/git-doc/*.html").read,
        "octave-manual": Manual("octave-doc", "usr/share/doc/octave/octave.html/*.html").read,
        "sqlite-manual": Manual("sqlite3-doc", "usr/share/doc/sqlite3/**/*.html").read,
        "gimp-ui": messages_of("gimp-data").read,
        "git-ui": messages_of("git", "git").read,
        "gnucash-ui": messages_of("gnucash-common").read,
        "inkscape-ui": messages_of("inkscape").read,
    },
}
"""The function that reads each set of each corpus."""

DEFAULT_SETS = {"libreoffice": ("help",)}

ENGLISH_ALONE = ("git-manual", "octave-manual", "sqlite-manual")
"""Sets that no package translates, for language models."""


def check_sets(corpus: str, sets: tuple[str, ...], languages: tuple[str, str]) -> None:
    """Raise SharingError for a set that is not there in these languages, or if none is named."""
    known = CORPORA[corpus]
    for name in sets or DEFAULT_SETS.get(corpus, ()):
        if name not in known:
            raise SharingError(f"[data] sets has '{name}': choose from {', '.join(known)}")
        check_languages(name, languages)
    if not sets and corpus not in DEFAULT_SETS:
        raise SharingError(f"[data] corpus = '{corpus}' needs sets: choose from {', '.join(known)}")


def check_languages(name: str, languages: tuple[str, str]) -> None:
    """Raise SharingError for a set that is known not to be in these languages."""
    if name in ENGLISH_ALONE and set(languages) != {"en"}:
        raise SharingError(
            f"set '{name}' is in English alone, for language models: "
            f"it has no {' or '.join(sorted({*languages} - {'en'}))}"
        )


def read_sets(
    corpus: str, sets: tuple[str, ...], languages: tuple[str, str], folder: Path
) -> tuple[dict[str, list[Segment]], list[Path]]:
    """Segments by set, and the packages' files.

    The packages are fetched into folder, without root; those that are there and pass apt's checksum
    are used again.
    """
    check_sets(corpus, sets, languages)
    packages = Packages(folder)
    names = sets or DEFAULT_SETS[corpus]
    segments = {name: CORPORA[corpus][name](packages, languages) for name in names}
    return segments, packages.files
