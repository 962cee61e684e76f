"""Running the scripts of a copied clone, and a PATH with little on it."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "basename", "cat", "dirname", "ls", "mkdir", "mktemp", "rm", "sed", "sha256sum")


def tools(folder: Path, **wrappers: str) -> str:
    """A PATH with little on it; wrappers are further commands, as shell code."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    for name, code in wrappers.items():
        (folder / name).write_text(f"#!{shutil.which('bash')}\n{code}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def script(clone: Path, name: str, *arguments: object, **environment: str):
    """Run a script of the clone from another folder."""
    inherited = {name: value for name, value in os.environ.items() if name != "VENV"}
    return subprocess.run(
        [clone / "scripts" / name, *map(str, arguments)],
        cwd="/",
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def copy_of_tracked(folder: Path) -> Path:
    """Copy what git tracks of the project into a new folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder
