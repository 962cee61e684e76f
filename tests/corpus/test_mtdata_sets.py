"""mtdata's sets: by name, out of its cache or a download that is kept whole or not at all."""

import gzip
import sys

import pytest
from planted import lines, plant_mtdata

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.mtdata_names import find_sets
from fairseq_sharing.corpus.mtdata_sets import MtdataSet, require_mtdata

pytestmark = pytest.mark.usefixtures("mtdata_cache")

PAIR = ("en", "de")
NEWS = "Statmt-news_commentary_wmt18-13-deu-eng"


def downloaded(url: str, name: str = "Planted-one-1-eng-deu", **options) -> MtdataSet:
    from mtdata.entry import Entry

    return MtdataSet(Entry(name, url=url, ext="tsv.gz", **options), swapped=False)


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


def test_an_archive_that_is_damaged_is_fetched_again(server):
    archive = plant_mtdata(NEWS, lines(["eins"] * 500), lines(["one"] * 500))
    archive.write_bytes(archive.read_bytes()[:150])
    (found,) = find_sets((NEWS,), PAIR)
    with pytest.raises(SharingError, match=r"news_commentary.*damaged or incomplete.*is removed"):
        found.fetch()
    assert not archive.exists()


def test_mtdata_is_missing(monkeypatch):
    require_mtdata.cache_clear()
    monkeypatch.setitem(sys.modules, "mtdata.utils", None)
    with pytest.raises(SharingError, match=r"need mtdata .*pip install 'fairseq-sharing\[wmt\]'"):
        find_sets((NEWS,), PAIR)
