"""The experiments that come with the package, which are known by their bare names."""

import re
from pathlib import Path

INSTALLED = Path(__file__).parents[1] / "experiments"
FOLDER = INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[1] / "experiments"
"""In the package where that is installed, beside it in a clone."""


def names() -> list[str]:
    """The names of the experiments, in order."""
    return _stems(FOLDER)


def summary(name: str) -> str:
    """The first sentence of the comment that an experiment begins with."""
    comment = re.match(r"(?:#.*\n)*", (FOLDER / f"{name}.toml").read_text("utf-8"))
    assert comment is not None  # it may be empty, but matches
    text = " ".join(line.lstrip("# ") for line in comment[0].splitlines())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def find(path: Path) -> Path:
    """The file that a path, with or without .toml, or the bare name of an experiment means."""
    file = path if path.suffix == ".toml" else path.parent / f"{path.name}.toml"
    return beside(file, file.name) if file.parent == Path() else file


def beside(path: Path, name: str) -> Path:
    """The file ``name`` in the folder of ``path``; if only the package has it, that one."""
    file = path.with_name(name)
    return FOLDER / name if not file.exists() and (FOLDER / name).exists() else file


def choice(path: Path) -> str:
    """What could be meant instead of a file that is not there."""
    folder = path.with_suffix("") if path.with_suffix("").is_dir() else path.parent
    if folder != Path() and (there := _stems(folder)):
        return f"that folder has {', '.join(there)}"
    return f"give the path of your own file or one of these names: {', '.join(names())}"


def _stems(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.toml"))
