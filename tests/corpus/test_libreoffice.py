"""The LibreOffice corpus from packages, through real apt and dpkg on three small packages."""

from pathlib import Path

import pytest
from planted_packages import Repository, catalogue

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.packaged_sets import read_sets
from fairseq_sharing.corpus.parallel_text import Segment

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


def page(tree: str) -> dict[str, str]:
    text = f"<html><body>{PAGES[tree]}</body></html>"
    return {f"usr/share/libreoffice/help/{tree}/text/shared/page.html": text}


@pytest.fixture
def packages(repository) -> Repository:
    """Help in two languages and the messages of one, in a repository that apt knows."""
    messages = "usr/lib/libreoffice/program/resource/de/LC_MESSAGES/sw.mo"
    repository.publish(
        {
            "libreoffice-help-en-us": page("en-US"),
            "libreoffice-help-de": page("de"),
            "libreoffice-l10n-de": {messages: catalogue(MESSAGES)},
        }
    )
    return repository


def read(
    folder: Path, source: str, target: str, *sets: str
) -> tuple[dict[str, list[Segment]], list[str]]:
    """The segments and the names of the packages' files."""
    segments, files = read_sets("libreoffice", sets, (source, target), folder)
    return segments, [file.name for file in files]


def test_paragraphs_are_aligned_by_file_and_id(packages, tmp_path):
    folder = tmp_path / "my packages"
    segments, origin = read(folder, "en", "de")
    texts = [
        (document, *(" ".join(t.split()) for t in pair)) for document, *pair in segments["help"]
    ]
    assert texts == [
        ("shared/page.html", "Open a file.", "Eine Datei öffnen."),
        ("shared/page.html", "Files", "Dateien"),
    ]
    assert origin == ["libreoffice-help-en-us_1.0_all.deb", "libreoffice-help-de_1.0_all.deb"]
    packages.stop()
    assert read(folder, "en", "de") == (segments, origin)


def test_strings_of_the_interface_are_only_trained_on(packages, tmp_path):
    folder = tmp_path / "packages"
    both, origin = read(folder, "en", "de", "help", "ui")
    strings = {
        (None, "Open...", "Öffnen..."),
        (None, "Open", "Öffnen"),
        (None, "Open", "Geöffnet"),
    }
    assert set(both["ui"]) == strings
    assert {"help": both["help"]} == read(folder, "en", "de")[0]
    assert "libreoffice-l10n-de_1.0_all.deb" in origin
    reverse, _ = read(folder, "de", "en", "ui")
    assert {(None, english, german) for _, german, english in reverse["ui"]} == strings
    with pytest.raises(SharingError, match=r"sets has 'menus': choose from help, ui"):
        read(folder, "en", "de", "menus")


def test_a_damaged_package_is_fetched_again(packages, tmp_path):
    segments, origin = read(tmp_path / "packages", "en", "de")
    package = tmp_path / "packages" / "libreoffice-help-de_1.0_all.deb"
    package.write_bytes(package.read_bytes()[:100])
    assert read(tmp_path / "packages", "en", "de") == (segments, origin)


def test_no_package_lists(apt, tmp_path):
    with pytest.raises(SharingError, match=f"libreoffice-help-en-us.*apt-get update.*{OWN_TEXT}"):
        read(tmp_path / "packages", "en", "de")


def test_no_network(packages, tmp_path):
    packages.stop()
    with pytest.raises(SharingError, match=f"apt-get download failed.*network.*{OWN_TEXT}"):
        read(tmp_path / "packages", "en", "de")


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-deb"])
def test_no_apt_or_dpkg(missing, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in {"apt-get", "apt-cache", "dpkg-deb"} - {missing}:
        (tools / tool).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(SharingError, match=f"{missing} not found.*{OWN_TEXT}"):
        read(tmp_path / "packages", "en", "de")
