"""The corpus from packages, through real apt and dpkg on a repository of two small packages."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polib
import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.recipe.stages import sha256

OWN_TEXT = "--src FILE --tgt FILE"

PAGES = {
    "en-US": '<p id="par_id1">Open <b>a</b> file.</p><h1 id="hd_id2">Files</h1><p id="bm_x">no</p>'
    '<p id="par_id3">On <span hidden="true">Unix</span></p><p id="par_id4">Only here</p>',
    "de": '<h1 id="hd_id2">Dateien</h1><p id="par_id1">Eine Datei\n öffnen.</p>'
    '<p id="par_id3">Unter <span hidden="true">Unix</span></p>',
}

MESSAGES = [
    ("menu", "~Open...", "Ö~ffnen..."),
    ("button", "Open", "Öffnen"),
    ("title", "Open", "Geöffnet"),
]

needs_apt = pytest.mark.skipif(
    not all(map(shutil.which, ("apt-get", "dpkg-deb"))), reason="needs Debian's tools"
)


def write_page(root: Path, tree: str) -> None:
    page = root / "usr/share/libreoffice/help" / tree / "text/shared/page.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<html><body>{PAGES[tree]}</body></html>", "utf-8")


def write_messages(root: Path, tree: str) -> None:
    messages = polib.MOFile()
    for context, english, other in MESSAGES:
        messages.append(polib.POEntry(msgctxt=context, msgid=english, msgstr=other))
    file = root / "usr/lib/libreoffice/program/resource" / tree / "LC_MESSAGES/sw.mo"
    file.parent.mkdir(parents=True)
    messages.save(str(file))


def build_package(
    repository: Path, name: str, tree: str, write: Callable[[Path, str], None]
) -> str:
    """Make a package of one file; returns its entry in the repository's index."""
    root = repository / name
    write(root, tree)
    control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.c>\n"
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(control + "Description: help\n")
    file = repository / f"{name}_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", root, file], check=True, stdout=subprocess.DEVNULL)
    facts = f"Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {sha256(file)}\n"
    return control + facts + "Description: help\n\n"


@pytest.fixture
def apt(tmp_path, monkeypatch) -> Path:
    """Point apt at a folder of its own; returns its sources list, which is empty."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (tmp_path / "apt" / folder).mkdir(parents=True)
    sources = tmp_path / "apt" / "sources.list"
    sources.touch()
    status = tmp_path / "apt" / "status"
    status.touch()
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::State "{tmp_path}/apt/state"; Dir::Cache "{tmp_path}/apt/cache";\n'
        f'Dir::State::status "{status}"; Dir::Etc::sourcelist "{sources}";\n'
        'Dir::Etc::sourceparts "-"; Acquire::Retries "0"; APT::Sandbox::User "";\n'
        'Acquire::http::Proxy "DIRECT";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    return sources


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def repository(apt, tmp_path) -> Iterator[ThreadingHTTPServer]:
    """Three packages on a local web server whose lists apt has."""
    folder = tmp_path / "repository"
    folder.mkdir()
    index = build_package(folder, "libreoffice-help-en-us", "en-US", write_page)
    index += build_package(folder, "libreoffice-help-de", "de", write_page)
    index += build_package(folder, "libreoffice-l10n-de", "de", write_messages)
    (folder / "Packages").write_text(index)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever).start()
    apt.write_text(f"deb [trusted=yes] http://127.0.0.1:{server.server_port} ./\n")
    subprocess.run(["apt-get", "update"], check=True, stdout=subprocess.DEVNULL)
    yield server
    stop(server)


def stop(server: ThreadingHTTPServer) -> None:
    """Stop answering; a second time does nothing."""
    server.shutdown()
    server.server_close()


@needs_apt
def test_paragraphs_are_aligned_by_file_and_id(repository, tmp_path):
    folder = tmp_path / "my packages"
    segments, origin = read_libreoffice(folder, "en", "de")
    texts = [
        (document, *(" ".join(t.split()) for t in pair)) for document, *pair in segments["help"]
    ]
    assert texts == [
        ("shared/page.html", "Open a file.", "Eine Datei öffnen."),
        ("shared/page.html", "Files", "Dateien"),
    ]
    assert list(origin) == ["libreoffice-help-en-us_1.0_all.deb", "libreoffice-help-de_1.0_all.deb"]
    stop(repository)
    assert read_libreoffice(folder, "en", "de") == (segments, origin)


@needs_apt
def test_strings_of_the_interface_are_only_trained_on(repository, tmp_path):
    folder = tmp_path / "packages"
    both, origin = read_libreoffice(folder, "en", "de", ("help", "ui"))
    strings = {
        (None, "Open...", "Öffnen..."),
        (None, "Open", "Öffnen"),
        (None, "Open", "Geöffnet"),
    }
    assert set(both["ui"]) == strings
    assert {"help": both["help"]} == read_libreoffice(folder, "en", "de")[0]
    assert "libreoffice-l10n-de_1.0_all.deb" in origin
    reverse, _ = read_libreoffice(folder, "de", "en", ("ui",))
    assert {(None, english, german) for _, german, english in reverse["ui"]} == strings
    with pytest.raises(SharingError, match=r"sets has 'menus': choose from help, ui"):
        read_libreoffice(folder, "en", "de", ("menus",))


@needs_apt
def test_a_damaged_package_is_fetched_again(repository, tmp_path):
    segments, origin = read_libreoffice(tmp_path / "packages", "en", "de")
    package = tmp_path / "packages" / "libreoffice-help-de_1.0_all.deb"
    package.write_bytes(package.read_bytes()[:100])
    assert read_libreoffice(tmp_path / "packages", "en", "de") == (segments, origin)


@needs_apt
def test_no_package_lists(apt, tmp_path):
    with pytest.raises(SharingError, match=f"libreoffice-help-en-us.*apt-get update.*{OWN_TEXT}"):
        read_libreoffice(tmp_path / "packages", "en", "de")


@needs_apt
def test_no_network(repository, tmp_path):
    stop(repository)
    with pytest.raises(SharingError, match=f"apt-get download failed.*network.*{OWN_TEXT}"):
        read_libreoffice(tmp_path / "packages", "en", "de")


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-deb"])
def test_no_apt_or_dpkg(missing, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in {"apt-get", "apt-cache", "dpkg-deb"} - {missing}:
        (tools / tool).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(SharingError, match=f"{missing} not found.*{OWN_TEXT}"):
        read_libreoffice(tmp_path / "packages", "en", "de")
