"""Sets of the corpus "debian", through real apt and dpkg on small packages."""

import pytest
from planted_packages import Repository, catalogue

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.corpus_sets import CorpusSet
from fairseq_sharing.corpus.packaged_sets import read_sets

PAIR = ("en", "de")
PAGE = (
    '<page xmlns="http://projectmallard.org/1.0/"><info><desc>{}</desc></info>'
    "<!-- not shown --><title>{}</title></page>"
)
HTML = (
    '<html><head><title>no</title></head><body><h2>1.2. {}</h2><p id="idm{}">{}</p></body></html>'
)


def mallard(language: str, document: str, *texts: str) -> dict[str, str]:
    return {f"usr/share/help/{language}/gnome-help/{document}.page": PAGE.format(*texts)}


@pytest.fixture
def gnome(repository) -> Repository:
    """Pages in English and German; one of them only in English, one of another structure."""
    repository.publish(
        {
            "gnome-user-docs": {
                **mallard("C", "net", "About <app>nets</app>", "Nets"),
                **mallard("de", "net", "Über Netze", "Netze"),
                **mallard("C", "only", "Only", "here"),
                **mallard("C", "list", "A", "B"),
                "usr/share/help/de/gnome-help/list.page": "<page><title>B</title></page>",
            }
        }
    )
    return repository


def test_pages_of_one_package_in_both_directions(gnome, tmp_path):
    sets, files = read_sets("debian", ("gnome-help",), PAIR, tmp_path / "packages")
    net = "usr/share/help/gnome-help/net.page"
    assert sets["gnome-help"] == [(net, "About nets", "Über Netze"), (net, "Nets", "Netze")]
    assert [file.name for file in files] == ["gnome-user-docs_1.0_all.deb"]
    assert not [path for path in (tmp_path / "packages").iterdir() if path.is_dir()]
    reverse, _ = read_sets("debian", ("gnome-help",), ("de", "en"), tmp_path / "packages")
    assert reverse["gnome-help"][1] == (net, "Netze", "Nets")


def test_pages_of_a_package_for_each_language(repository, tmp_path):
    folder = "usr/share/debian-reference/ch01"
    repository.publish(
        {
            "debian-reference-en": {
                f"{folder}.en.html": HTML.format("Files", 1, "Öpen."),
                "usr/share/debian-reference/empty.en.html": "",
            },
            "debian-reference-de": {
                f"{folder}.de.html": HTML.format("Dateien", 2, "Öffnen."),
                "usr/share/debian-reference/empty.de.html": HTML.format("Nichts", 3, "Leer."),
            },
        }
    )
    sets, _ = read_sets("debian", ("debian-reference",), PAIR, tmp_path / "packages")
    assert sets["debian-reference"] == [
        (f"{folder}.html", "Files", "Dateien"),
        (f"{folder}.html", "Öpen.", "Öffnen."),
    ]


def test_messages_of_a_program_are_only_trained_on(repository, tmp_path):
    messages = [("menu", "_Open", "Ö_ffnen"), (None, "Close", "Schließen")]
    file = "usr/share/locale/{}/LC_MESSAGES/git.mo"
    repository.publish(
        {
            "git": {
                file.format("de"): catalogue(messages),
                file.format("fr"): catalogue([("menu", "_Open", "_Ouvrir")]),
            }
        }
    )
    sets, _ = read_sets("debian", ("git-ui",), PAIR, tmp_path / "packages")
    assert set(sets["git-ui"]) == {(None, "Open", "Öffnen"), (None, "Close", "Schließen")}
    sets, _ = read_sets("debian", ("git-ui",), ("fr", "de"), tmp_path / "packages")
    assert sets["git-ui"] == [(None, "Ouvrir", "Öffnen")]


def test_what_ubuntu_has_moved_into_packages_of_a_language(repository, tmp_path):
    pack = "usr/share/locale-langpack/de/LC_MESSAGES"
    repository.publish(
        {
            "gnome-user-docs": mallard("C", "net", "About nets", "Nets"),
            "gnome-user-docs-de": mallard("de", "net", "Über Netze", "Netze"),
            "git": {"usr/bin/git": "git"},
            "language-pack-de-base": {
                f"{pack}/git.mo": catalogue([(None, "Close", "Schließen")]),
                f"{pack}/other.mo": catalogue([(None, "Other", "Anders")]),
            },
        }
    )
    sets, files = read_sets("debian", ("gnome-help", "git-ui"), PAIR, tmp_path / "packages")
    assert [segment.target for segment in sets["gnome-help"]] == ["Über Netze", "Netze"]
    assert sets["git-ui"] == [(None, "Close", "Schließen")]
    assert len(files) == 4


def test_a_manual_that_is_in_english_alone(repository, tmp_path):
    page = "usr/share/doc/git-doc/git-add.html"
    repository.publish({"git-doc": {page: HTML.format("Name", 1, "Adds <code>a</code> file.")}})
    sets, _ = read_sets("debian", ("git-manual",), ("en", "en"), tmp_path / "packages")
    assert sets["git-manual"] == [(page, "Name", "Name"), (page, *["Adds a file."] * 2)]
    message = "set 'git-manual' is in English alone, for language models: it has no de"
    with pytest.raises(SharingError, match=message):
        read_sets("debian", ("git-manual",), PAIR, tmp_path / "packages")
    with pytest.raises(SharingError, match=message):
        CorpusSet("debian", "git-manual").check(PAIR)


def test_libreoffice_is_in_both_corpora():
    from fairseq_sharing.corpus.packaged_sets import CORPORA

    for name, read in CORPORA["libreoffice"].items():
        assert CORPORA["debian"][f"libreoffice-{name}"] is read


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ((), r"corpus = 'debian' needs sets: choose from libreoffice-help, "),
        (("help",), r"sets has 'help': choose from libreoffice-help, "),
        (("evince-help",), r"failed for evince-common .*apt-get update"),
    ],
)
def test_sets_and_packages_that_there_are_not(sets, message, gnome, tmp_path):
    with pytest.raises(SharingError, match=message):
        read_sets("debian", sets, PAIR, tmp_path / "packages")


def test_a_package_without_the_language(gnome, repository, tmp_path):
    with pytest.raises(SharingError, match=r"gnome-user-docs.* holds no usr/share/help/fr/.*--src"):
        read_sets("debian", ("gnome-help",), ("en", "fr"), tmp_path / "packages")
    repository.publish({"git": {"usr/bin/git": "git"}})
    with pytest.raises(SharingError, match=r"git_1\.0.* holds no messages under .*/de/LC_MESSAGES"):
        read_sets("debian", ("git-ui",), PAIR, tmp_path / "packages")


@pytest.mark.parametrize(
    ("german", "message"),
    [
        ("<page><title>B</title></page>", "has the same structure in en and de: .*--src"),
        ("<page><title>B</page>", r"net\.page is not XML: .*mismatch"),
    ],
)
def test_documents_that_are_not_alike(german, message, repository, tmp_path):
    files = mallard("C", "net", "A", "B") | {"usr/share/help/de/gnome-help/net.page": german}
    repository.publish({"gnome-user-docs": files})
    with pytest.raises(SharingError, match=message):
        read_sets("debian", ("gnome-help",), PAIR, tmp_path / "packages")
