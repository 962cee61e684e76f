"""README and docs: their code blocks, the commands in them, and their links."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
USER_DIR = "$(fairseq-sharing user-dir)"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SEPARATOR = {"&&", "||", "|", ";", ";&", "&"}
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks of code in that language, in order."""
    return [text for found, text in _BLOCK.findall(page.read_text("utf-8")) if found == language]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command in the page's shell blocks, without variables and redirections."""
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _commands_of(line)


def _commands_of(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line.replace(USER_DIR, "USER_DIR"), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    command: list[str] = []
    skip = False
    for word in lexer:
        if skip:
            skip = False
        elif word in _SEPARATOR:
            yield from filter(None, [command])
            command = []
        elif set(word) <= {"<", ">"}:
            skip = True
        elif command or not _ASSIGNMENT.fullmatch(word):
            command.append(word)
    yield from filter(None, [command])


def links(page: Path) -> list[str]:
    """The page's links to other files and to headings."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not link.startswith(("http://", "https://"))]


def anchors(page: Path) -> set[str]:
    """The names by which links reach the page's headings."""
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
