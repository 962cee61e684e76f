"""Small texts where mtdata and sacreBLEU look for what they have downloaded, as they lay it out."""

import fcntl
import io
import os
import random
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from support import run

WORDS = {f"{a}{b}": f"{b}{a}" for a in ("ba", "do", "ki", "lu") for b in ("men", "ros", "tal")}
INDEX = Path(__file__).parents[2] / ".pytest_cache" / "mtdata"
METADATA = ("docid", "genre", "origlang")

Pair = tuple[str, str]


def pairs(number: int, seed: int) -> list[Pair]:
    """Sentences of three to eight words and their translations, word by word."""
    draw = random.Random(seed)
    sources = [draw.choices(list(WORDS), k=draw.randint(3, 8)) for _ in range(number)]
    return [(" ".join(s), " ".join(WORDS[word] for word in s)) for s in sources]


def lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def sgm(texts: Iterable[str]) -> str:
    return lines(f'<seg id="{number}">{text}</seg>' for number, text in enumerate(texts, 1))


@cache
def mtdata_folder() -> Path:
    """The cache of mtdata in this process and those that it starts, as conftest.py has set it.

    The index of all names takes mtdata seconds to make: it is made once for all processes.
    """
    folder = Path(os.environ["MTDATA"])
    INDEX.mkdir(parents=True, exist_ok=True)
    with (INDEX / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = "import mtdata.index; print(mtdata.cached_index_file)"
        made = run("python", "-c", code, env={"MTDATA": str(INDEX)})
    index = Path(made.stdout.splitlines()[-1])
    if not (folder / index.name).exists():
        (folder / index.name).symlink_to(index)
    return folder


def plant_mtdata(name: str, *contents: str) -> Path:
    """An archive that holds a data set's files, as if downloaded just now; returns the archive."""
    mtdata_folder()
    from mtdata.cache import Cache
    from mtdata.entry import DatasetId
    from mtdata.index import INDEX

    entry = INDEX[DatasetId.parse(name)]
    planted = Cache(mtdata_folder())
    path = planted.get_local_path(entry.url, entry.filename, fix_missing=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for member, content in zip(entry.in_paths, contents, strict=True):
            data = content.encode()
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    planted.get_flag_file(path).touch()
    for extracted in path.parent.glob("*.valid"):  # what mtdata has taken out of one before it
        extracted.unlink()
    return path


def plant_sacrebleu(folder: Path, name: str, texts: list[Pair], pair: str = "en-de") -> None:
    """A test set as sacreBLEU keeps it once it has been extracted."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    sources, references = zip(*texts, strict=True)
    fields = {"src": sources, "ref": references} | dict.fromkeys(METADATA, sources)
    for field, content in fields.items():
        file = folder / name / f"{name.replace('/', '_')}.{pair}.{field}"
        file.write_text(lines(content))
