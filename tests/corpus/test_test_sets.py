"""Test sets by origin: sacreBLEU's with its checksums, mtdata's, and what goes wrong with them."""

import hashlib
import io
import tarfile

import pytest
import sacrebleu.dataset
from planted import pairs, plant_mtdata, plant_sacrebleu, sgm
from sacrebleu.dataset.fake_sgml import FakeSGMLDataset
from sacrebleu.dataset.wmt_xml import WMTXMLDataset

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.test_sets import read_test_set

pytestmark = pytest.mark.usefixtures("mtdata_cache")

PAIR = ("en", "de")
TEXTS = pairs(30, seed=3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """sacreBLEU's folder, with one test set of its own."""
    for module in ("sacrebleu.utils", "sacrebleu.dataset.base"):
        monkeypatch.setattr(f"{module}.SACREBLEU_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def archive() -> bytes:
    return packed()


def packed(*others: tarfile.TarInfo) -> bytes:
    """An archive of a test set, with empty members of any kind before its files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for info in others:
            tar.addfile(info)
        for side, name in enumerate(("src.en.sgm", "ref.de.sgm")):
            data = sgm(pair[side] for pair in TEXTS).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@pytest.fixture
def dataset(folder, archive, server, monkeypatch) -> FakeSGMLDataset:
    """A test set that sacreBLEU has to download from the local server."""
    made = FakeSGMLDataset(
        "planted/full",
        data=[f"{server.url}/test.tgz"],
        md5=[hashlib.md5(archive).hexdigest()],
        langpairs={"en-de": ["src.en.sgm", "ref.de.sgm"]},
    )
    monkeypatch.setitem(sacrebleu.dataset.DATASETS, made.name, made)
    return made


def test_a_download_goes_on_after_each_failure(dataset, archive, server, folder):
    wanted = [list(side) for side in zip(*TEXTS, strict=True)]
    for body, reason in ((None, "404"), (archive[:-50], "checksum is wrong"), (b"", "checksum")):
        if body is not None:
            server.give("/test.tgz", body)
        with pytest.raises(SharingError, match=rf"planted/full: .*{reason}.*nothing of it is kept"):
            read_test_set("sacrebleu:planted/full", PAIR)
        assert not list(folder.rglob("*.tgz"))
    server.give("/test.tgz", archive)
    texts = read_test_set("sacrebleu:planted/full", PAIR)
    assert list(texts[:2]) == wanted
    assert [file.name for file in texts.files] == [
        "planted_full.en-de.src", "planted_full.en-de.ref",
    ]  # fmt: skip


def test_an_interrupted_extraction_is_done_again(dataset, archive, folder):
    raw = folder / "planted/full/raw"
    raw.mkdir(parents=True)
    (raw / "planted_full.test.tgz").write_bytes(archive)
    assert len(read_test_set("sacrebleu:planted/full", PAIR).sources) == len(TEXTS)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "evil",
    [
        member("../../../outside"),
        member("good/../../outside"),
        member("/tmp/outside of fairseq_sharing"),
        member("link", tarfile.SYMTYPE, "../.."),
        member("link", tarfile.LNKTYPE, "/etc/passwd"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name} {info.linkname}",
)
def test_an_archive_that_leaves_its_folder_is_not_unpacked(dataset, server, folder, evil):
    body = packed(member("first"), evil)
    dataset.md5[0] = hashlib.md5(body).hexdigest()
    server.give("/test.tgz", body)
    with pytest.raises(SharingError, match=rf"its member '{evil.name}' would be .* outside"):
        read_test_set("sacrebleu:planted/full", PAIR)
    raw = folder / "planted/full/raw"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [
        path.name for path in raw.glob("planted_full.test.tgz*")
    ]


def test_neither_is_one_that_sacrebleu_has_to_look_into(server, folder, monkeypatch):
    body = packed(member("../../../outside"))
    made = WMTXMLDataset(
        "planted/xml",
        data=[server.give("/xml.tgz", body)],
        md5=[hashlib.md5(body).hexdigest()],
        langpairs={"en-de": ["src.en.sgm"]},
    )
    monkeypatch.setitem(sacrebleu.dataset.DATASETS, made.name, made)
    with pytest.raises(SharingError, match=r"'../../../outside' would be written or point outside"):
        read_test_set("sacrebleu:planted/xml", PAIR)


def test_links_inside_an_archive_are_unpacked(dataset, server):
    body = packed(member("latest", tarfile.SYMTYPE, "src.en.sgm"))
    dataset.md5[0] = hashlib.md5(body).hexdigest()
    server.give("/test.tgz", body)
    assert len(read_test_set("sacrebleu:planted/full", PAIR).sources) == len(TEXTS)


def test_sides_of_different_length_are_both_named(dataset, folder):
    plant_sacrebleu(folder, "planted/full", TEXTS)
    reference = folder / "planted/full/planted_full.en-de.ref"
    reference.write_text("".join(reference.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(
        SharingError, match=r"en-de\.src has 30 lines, .*en-de\.ref has 29: remove .* fetched again"
    ):
        read_test_set("sacrebleu:planted/full", PAIR)


def test_a_set_of_mtdata():
    name = "Statmt-newstest_ende-2016-eng-deu"
    plant_mtdata(name, sgm(s for s, _ in TEXTS), sgm(t for _, t in TEXTS))
    texts = read_test_set(f"mtdata:{name}", PAIR)
    assert list(zip(*texts[:2], strict=True)) == TEXTS


def test_a_segment_of_several_lines_is_one_line(server, monkeypatch):
    from mtdata.entry import Entry
    from mtdata.index import INDEX

    url = server.give("/table.csv", b'en,de\n"one\r\ntwo","eins\nzwei"\nthree,drei\n')
    entry = Entry("Planted-table-1-eng-deu", url=url, ext="csv", in_ext="csvwithheader")
    monkeypatch.setitem(INDEX.entries, entry.did, entry)
    texts = read_test_set("mtdata:Planted-table-1-eng-deu", PAIR)
    assert texts[:2] == (["one two", "three"], ["eins zwei", "drei"])


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("wmt14", r"origin = 'wmt14' must be sacrebleu:NAME or mtdata:NAME"),
        ("mtdata:vaswani_etal_2017_ende", r"is a recipe: name one of its sets"),
        ("sacrebleu:wmt99", r"sacreBLEU knows no test set 'wmt99'; sacrebleu --list"),
        ("sacrebleu:wmt16/dev", r"wmt16/dev has no en-de; it has en-ro"),
    ],
)
def test_origins_that_nothing_is_known_of(origin, message):
    with pytest.raises(SharingError, match=message):
        read_test_set(origin, PAIR)
