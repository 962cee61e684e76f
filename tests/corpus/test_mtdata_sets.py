"""mtdata's sets: by name, out of its cache or a download that is kept whole or not at all."""

import gzip
import os
import random
import shutil
import sys
import tarfile
import time
from pathlib import Path

import pytest
from planted import lines, plant_mtdata

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.mtdata_cache import require_mtdata
from fairseq_sharing.corpus.mtdata_names import find_sets
from fairseq_sharing.corpus.mtdata_sets import MtdataSet

pytestmark = pytest.mark.usefixtures("mtdata_cache")

PAIR = ("en", "de")
NEWS = "Statmt-news_commentary_wmt18-13-deu-eng"


def downloaded(url: str, name: str = "Planted-one-1-eng-deu", **options) -> MtdataSet:
    from mtdata.entry import Entry

    return MtdataSet(Entry(name, url=url, ext="tsv.gz", **options), swapped=False)


def texts(found: MtdataSet) -> list[tuple[str, str]]:
    found.fetch()
    return [(source, target) for _, source, target in found.segments()]


def replace(archive: Path, content: bytes) -> None:
    """Put other content in an archive's place, a minute from now."""
    archive.write_bytes(content)
    later = time.time() + 60
    os.utime(archive, (later, later))


def test_a_recipe_stands_for_its_training_sets():
    names = [one.name for one in find_sets(("vaswani_etal_2017_ende", NEWS), PAIR)]
    assert names == [
        "Statmt-commoncrawl_wmt13-1-deu-eng", "Statmt-europarl_wmt13-7-deu-eng", NEWS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Statmt-news_commentary_wmt18-31-deu-eng", rf"no data set or recipe .*similar: {NEWS}"),
        ("no such thing", r"no data set or recipe 'no such thing'; mtdata list"),
        ("Statmt-newstest-2013-ces-deu", r"is ces-deu, the experiment's languages are en-de"),
    ],
)
def test_names_that_do_not_fit(name, message):
    with pytest.raises(SharingError, match=message):
        find_sets((name,), PAIR)


def test_the_source_comes_first_whichever_way_a_set_goes():
    plant_mtdata(NEWS, lines(["eins", "zwei"]), lines(["one", "two"]))
    for languages, first in (PAIR, ("one", "eins")), (PAIR[::-1], ("eins", "one")):
        (found,) = find_sets((NEWS,), languages)
        assert next(found.segments())[1:] == first


def test_a_set_of_unequal_length_is_named_with_its_files():
    name = "Statmt-europarl_wmt13-7-deu-eng"
    plant_mtdata(name, lines(["eins", "zwei"]), lines(["one"]))
    (found,) = find_sets((name,), PAIR)
    with pytest.raises(SharingError, match=rf"{name}: mtdata cannot read .*\.de.*\.en.*unequal"):
        list(found.segments())


def test_a_download_goes_on_after_each_failure(server):
    body = gzip.compress(b"one\teins\ntwo\tzwei\n" * 1000)
    found = downloaded(f"{server.url}/text.tsv.gz")
    (file,) = found.files()
    with pytest.raises(SharingError, match=r"Planted-one-1.*/text\.tsv\.gz failed \(HTTP status 4"):
        found.fetch()
    server.give("/text.tsv.gz", body[:-9], len(body))
    with pytest.raises(SharingError, match=r"failed \(.*nothing of it is kept"):
        found.fetch()
    assert not file.exists()
    server.give("/text.tsv.gz", body[:-9])
    with pytest.raises(SharingError, match=r"was damaged or incomplete .* run the same command"):
        list(found.segments())
    assert not file.exists()
    server.give("/text.tsv.gz", body)
    assert found.fetch() == [file]
    assert len(list(found.segments())) == 2000
    server.bodies.clear()
    assert found.fetch() == [file]


def test_an_archive_with_a_link_out_of_its_folder_is_not_unpacked(tmp_path):
    archive = plant_mtdata(NEWS, lines(["eins"]), lines(["one"]))
    link, through = tarfile.TarInfo("training"), tarfile.TarInfo("training/outside")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    with tarfile.open(tmp_path / "evil.tgz", "w:gz") as tar:
        tar.addfile(link)
        tar.addfile(through)
    replace(archive, (tmp_path / "evil.tgz").read_bytes())
    (found,) = find_sets((NEWS,), PAIR)
    with pytest.raises(SharingError, match=r"its member 'training' would be .* outside"):
        found.fetch()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("end", [0, 150, -100])
def test_an_archive_that_is_damaged_is_fetched_again(end):
    text = random.Random(1).choices(["eins", "zwei"], k=5000)
    archive = plant_mtdata(NEWS, lines(text), lines(text))
    (found,) = find_sets((NEWS,), PAIR)
    found.fetch()
    replace(archive, archive.read_bytes()[:end])
    with pytest.raises(SharingError, match=r"news_commentary.*damaged or incomplete.*is removed"):
        found.fetch()
    assert [path for path in archive.parent.iterdir() if path.suffix != ".lock"] == []


def test_a_page_that_came_instead_of_an_archive_is_no_text():
    archive = plant_mtdata(NEWS, "", "")
    archive.write_text("<html>\nLog in first.\n</html>\n")
    (found,) = find_sets((NEWS,), PAIR)
    with pytest.raises(SharingError, match=r"damaged or incomplete \(it is no archive\)"):
        found.fetch()


def test_an_archive_without_the_sets_files_is_kept_and_said():
    archive = plant_mtdata(NEWS, lines(["eins"]), lines(["one"]))
    (found,) = find_sets((NEWS,), PAIR)
    found.entry.in_paths, before = ["none.de", "none.en"], found.entry.in_paths
    try:
        with pytest.raises(SharingError, match=r"mtdata cannot read .*tgz: expected .*none\.de"):
            found.fetch()
    finally:
        found.entry.in_paths = before
    assert archive.exists()


def test_a_set_without_text(server):
    found = downloaded(server.give("/empty.tsv.gz", gzip.compress(b"")), "Planted-none-1-eng-deu")
    found.fetch()
    with pytest.raises(SharingError, match=r"Planted-none-1.*incomplete \(no text in it\)"):
        list(found.segments())


def test_what_was_extracted_is_that_of_the_archive():
    (found,) = find_sets((NEWS,), PAIR)
    before = plant_mtdata(NEWS, lines(["eins"]), lines(["one"])).read_bytes()
    archive = plant_mtdata(NEWS, lines(["zwei"]), lines(["two"]))
    assert texts(found) == [("two", "zwei")]
    replace(archive, before)
    assert texts(found) == [("one", "eins")]
    (folder,) = archive.parent.glob("*-extracted")
    shutil.rmtree(folder)
    assert texts(found) == [("one", "eins")]
    os.utime(archive, (0, 0))
    for file in folder.rglob("*.de"):
        file.write_text("kept\n")
    assert texts(found) == [("one", "kept")]


def test_mtdata_is_missing(monkeypatch):
    require_mtdata.cache_clear()
    monkeypatch.setitem(sys.modules, "mtdata.utils", None)
    with pytest.raises(SharingError, match=r"need mtdata .*pip install mtdata"):
        find_sets((NEWS,), PAIR)
