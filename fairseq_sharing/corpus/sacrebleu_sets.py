"""Test sets of sacreBLEU, downloaded soundly or not at all."""

import copy
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import FULL_DISK, SharingError
from .archives import require_inside
from .parallel_text import Texts, read_lines
from .streams import without_logging


def find_in_sacrebleu(name: str, languages: tuple[str, str]) -> Any:
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


def read_of_sacrebleu(dataset: Any, languages: tuple[str, str]) -> Texts:
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
    dataset = copy.copy(dataset)
    dataset.maybe_download = partial(_bring, dataset, archives)
    try:
        with without_logging():
            try:
                return _files(dataset, pair)
            except FileNotFoundError:  # sacreBLEU does not unpack an archive a second time
                _unpack(archives)
                return _files(dataset, pair)
    except SharingError:
        raise
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


def _bring(dataset: Any, archives: dict[Path, str | None]) -> None:
    """Replaces sacreBLEU's function, which unpacks an archive without looking at its members."""
    from sacrebleu.utils import download_file

    if all(path.exists() for path in archives):
        return
    for url, (path, md5) in zip(dataset.data, archives.items(), strict=True):
        download_file(url, str(path), expected_md5=md5)
    _unpack(archives)


def _unpack(archives: dict[Path, str | None]) -> None:
    from sacrebleu.utils import extract_tarball

    for path in filter(Path.exists, archives):
        if path.name.endswith((".tgz", ".tar.gz")):
            require_inside(path)
    for path in filter(Path.exists, archives):
        extract_tarball(str(path), str(path.parent))
