"""Validation and test sets by where they are: sacreBLEU's or mtdata's."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FULL_DISK, SharingError
from .mtdata_names import find_sets
from .mtdata_sets import MtdataSet
from .parallel_text import read_lines
from .streams import without_logging


class Texts(NamedTuple):
    """Source texts, their reference translations, and the files in a library's cache."""

    sources: list[str]
    references: list[str]
    files: list[Path]


Find = Callable[[str, tuple[str, str]], Any]
Read = Callable[[Any, tuple[str, str]], Texts]


def read_test_set(origin: str, languages: tuple[str, str]) -> Texts:
    """The set that "sacrebleu:NAME" or "mtdata:ID" stands for, downloaded if it has to be."""
    read, found = _find(origin, languages)
    return read(found, languages)


def check_origin(origin: str, languages: tuple[str, str]) -> None:
    """Raise SharingError for a set that its library does not have; downloads nothing."""
    _find(origin, languages)


def _find(origin: str, languages: tuple[str, str]) -> tuple[Read, Any]:
    library, _, name = origin.partition(":")
    if library not in LIBRARIES:
        choices = " or ".join(f"{known}:NAME" for known in LIBRARIES)
        raise SharingError(f"a set's origin = '{origin}' must be {choices}")
    find, read = LIBRARIES[library]
    return read, find(name, languages)


def _in_mtdata(name: str, languages: tuple[str, str]) -> MtdataSet:
    found = find_sets((name,), languages)
    if len(found) != 1:
        raise SharingError(f"origin = 'mtdata:{name}' is a recipe: name one of its sets")
    return found[0]


def _of_mtdata(found: MtdataSet, languages: tuple[str, str]) -> Texts:
    files = found.fetch()
    pairs = [(_in_a_line(source), _in_a_line(target)) for _, source, target in found.segments()]
    return Texts([source for source, _ in pairs], [target for _, target in pairs], files)


def _in_a_line(text: str) -> str:
    """Some formats have segments of several lines."""
    return re.sub(r"[\r\n]+", " ", text)


def _in_sacrebleu(name: str, languages: tuple[str, str]) -> Any:
    from sacrebleu.dataset import DATASETS

    pair = "-".join(languages)
    if name not in DATASETS:
        raise SharingError(f"sacreBLEU knows no test set '{name}'; sacrebleu --list lists them")
    dataset = DATASETS[name]
    if pair not in dataset.langpairs:
        raise SharingError(
            f"sacreBLEU's {name} has no {pair}; it has {', '.join(sorted(dataset.langpairs))}"
        )
    return dataset


def _of_sacrebleu(dataset: Any, languages: tuple[str, str]) -> Texts:
    """The texts as sacreBLEU extracts them, with its first reference."""
    source, reference = _fetched(dataset, "-".join(languages))
    sources, references = read_lines(source), read_lines(reference)
    if len(sources) != len(references):
        raise SharingError(
            f"sacrebleu:{dataset.name}: {source} has {len(sources)} lines, {reference} has "
            f"{len(references)}: remove {source.parent} to have the test set fetched again"
        )
    return Texts(sources, references, [source, reference])


def _fetched(dataset: Any, pair: str) -> tuple[Path, Path]:
    """The files of source and first reference; an archive that is not sound is not kept."""
    archives = _archives(dataset)
    _discard_unsound(archives)
    try:
        with without_logging():
            try:
                return _files(dataset, pair)
            except FileNotFoundError:  # sacreBLEU never again unpacks an archive that it has
                _unpack(archives)
                return _files(dataset, pair)
    except (Exception, SystemExit) as error:  # sacreBLEU exits where a checksum is wrong
        _discard_unsound(archives)
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            raise
        reason = "its checksum is wrong" if isinstance(error, SystemExit) else error
        raise SharingError(
            f"sacrebleu:{dataset.name}: the download from {' and '.join(dataset.data)} failed "
            f"({reason}): nothing of it is kept; check the network, or bring sacreBLEU's "
            "folder from elsewhere (docs/data.md), and run the same command again"
        ) from None


def _files(dataset: Any, pair: str) -> tuple[Path, Path]:
    return Path(dataset.get_source_file(pair)), Path(dataset.get_reference_files(pair)[0])


def _archives(dataset: Any) -> dict[Path, str | None]:
    """Where sacreBLEU puts the files that it downloads, and their MD5."""
    from sacrebleu.utils import SACREBLEU_DIR

    folder = Path(SACREBLEU_DIR, dataset.name, "raw")
    name = dataset.name.replace("/", "_")
    paths = [folder / f"{name}.{url.rsplit('/', 1)[-1]}" for url in dataset.data]
    return dict(zip(paths, dataset.md5 or [None] * len(paths), strict=True))


def _discard_unsound(archives: dict[Path, str | None]) -> None:
    for path, expected in archives.items():
        if path.exists() and expected:
            with path.open("rb") as file:
                sound = hashlib.file_digest(file, "md5").hexdigest() == expected
            if not sound:
                path.unlink()


def _unpack(archives: dict[Path, str | None]) -> None:
    from sacrebleu.utils import extract_tarball

    for path in archives:
        if path.exists():
            extract_tarball(str(path), str(path.parent))


LIBRARIES: dict[str, tuple[Find, Read]] = {
    "sacrebleu": (_in_sacrebleu, _of_sacrebleu),
    "mtdata": (_in_mtdata, _of_mtdata),
}
