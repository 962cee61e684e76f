"""Imports run one way: a folder knows those below it, and no two know each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fairseq_sharing"
ORDER = (
    "cli",
    "report",
    "evaluation",
    "training",
    "corpus",
    "export",
    "checkpoint",
    "commands",
    "experiment",
    "model",
    "patches",
    "fused_adam",
    "files",
    "progress",
    "errors",
)
"""The folders and modules of the package, from the highest to the lowest."""


def imports(package: Path) -> Iterator[tuple[str, str, Path]]:
    """Each relative import from one part of the package into another: both, and the file."""
    for file in package.rglob("*.py"):
        own = file.relative_to(package).with_suffix("").parts
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                named = node.module.split(".") if node.module else []
                path = [*own[: len(own) - node.level], *named]
                for target in [path[0]] if path else [alias.name for alias in node.names]:
                    if target != own[0] and own != ("__init__",):
                        yield own[0], target, file


def upward(package: Path) -> list[str]:
    """The files of the package that import a part which is not below their own."""
    return [
        f"{file.relative_to(package)} imports {target}"
        for importer, target, file in imports(package)
        if ORDER.index(target) <= ORDER.index(importer)
    ]


def test_every_part_has_its_place_in_the_order():
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__init__", "__pycache__", "experiments"} == set(ORDER)


def test_no_import_runs_upwards():
    assert upward(PACKAGE) == []
    assert len(list(imports(PACKAGE))) > 100


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("corpus/sources.py", "from ..report.tables import results"),
        ("model/tying.py", "from ..patches import compat\nfrom ..checkpoint import files"),
        ("errors.py", "from . import files"),
        ("commands/jobs.py", "def f():\n    from ..training.train import train"),
    ],
)
def test_a_planted_import_upwards_is_found(file, line, tmp_path):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(line)
    assert len(upward(tmp_path)) == 1


def test_only_relative_imports_of_its_own():
    """An absolute import of the package would escape the tests above."""
    absolute = [
        f"{file.relative_to(PACKAGE)}:{number}"
        for file in PACKAGE.rglob("*.py")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if line.lstrip().startswith("from fairseq_sharing")
        and "fairseq_sharing_command" not in line
    ]
    assert absolute == []
