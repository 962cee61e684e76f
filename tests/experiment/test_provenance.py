"""What is noted of the machine and of the plugin's own revision."""

import shutil
import subprocess
from pathlib import Path

import pytest

import fairseq_sharing
from fairseq_sharing import SharingError
from fairseq_sharing.experiment.provenance import last_attempt, record, revision_of

PACKAGE = Path(fairseq_sharing.__file__).parent


def git(folder: Path, *arguments: str) -> str:
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    command = ["git", "-C", str(folder), *own, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(tree: Path) -> str:
    git(tree, "init")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "first")
    return git(tree, "rev-parse", "HEAD")


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "tree" / "fairseq_sharing").mkdir(parents=True)
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "tree" / "fairseq_sharing")
    return tmp_path / "tree"


def test_a_checkout_is_at_its_commit_and_says_if_it_was_changed(tree):
    head = commit(tree)
    assert revision_of(tree) == head
    (tree / "fairseq_sharing" / "__init__.py").write_text("changed")
    assert revision_of(tree) == f"{head}-dirty"


def test_inside_another_repository_it_has_no_revision(tree):
    (tree.parent / "own.txt").write_text("of the user")
    commit(tree.parent)
    assert revision_of(tree) is None


def test_beside_what_another_repository_tracks_it_has_none_either(tree):
    (tree / "own.txt").write_text("of the user")
    (tree / ".gitignore").write_text("fairseq_sharing\n")
    commit(tree)
    assert revision_of(tree) is None


def test_without_git_it_has_none(tree):
    assert revision_of(tree) is None


def test_a_damaged_file_of_versions_is_one_line(tmp_path):
    path = tmp_path / "versions.json"
    record(path, precision="fp32")
    assert last_attempt(path)["precision"] == "fp32"
    path.write_text("")
    with pytest.raises(SharingError, match=r"versions\.json is not JSON .*: remove it"):
        last_attempt(path)
