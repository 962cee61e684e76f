"""Downloads over a local web server: whole and expected ones are kept, and nothing else."""

import hashlib

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.downloads import download

BODY = bytes(range(256)) * 400
DIGEST = hashlib.sha256(BODY).hexdigest()
REMEDY = "put it there"


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_the_first_url_that_has_the_file_gives_it(server, tmp_path):
    urls = [f"{server.url}/none", server.give("/wrong", b"<html>"), server.give("/right", BODY)]
    download(urls, tmp_path / "cache" / "file", DIGEST, REMEDY)
    assert (tmp_path / "cache" / "file").read_bytes() == BODY
    assert names(tmp_path / "cache") == ["file"]


def test_another_file_is_not_kept(server, tmp_path):
    urls = [server.give("/wrong", b"<html>log in</html>"), f"{server.url}/none"]
    with pytest.raises(SharingError) as refused:
        download(urls, tmp_path / "file", DIGEST, REMEDY)
    assert str(refused.value) == (
        f"no file in {tmp_path}, and it cannot be downloaded ({urls[0]}: what it gives is another "
        f"file by its SHA-256; {urls[1]}: Not Found): put it there, then run the same command again"
    )
    assert names(tmp_path) == []


def test_what_was_interrupted_is_resumed(server, tmp_path):
    url = server.give("/file", BODY[:30_000], len(BODY))
    with pytest.raises(SharingError, match=r"ended after 30,000 of 102,400 bytes"):
        download([url], tmp_path / "file", DIGEST, REMEDY)
    assert names(tmp_path) == ["file.part"]
    server.give("/file", BODY)
    download([url], tmp_path / "file", DIGEST, REMEDY)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.asked == [None, "bytes=30000-"]


@pytest.mark.parametrize("left", [BODY, b"x" * 500, b"x" * 200_000], ids=["all", "less", "more"])
def test_whatever_an_interruption_left_does_not_last(server, tmp_path, left):
    (tmp_path / "file.part").write_bytes(left)
    url = server.give("/file", BODY)
    download([url, url], tmp_path / "file", DIGEST, REMEDY)
    assert (tmp_path / "file").read_bytes() == BODY
    assert names(tmp_path) == ["file"]


def test_no_network_is_one_line(tmp_path):
    with pytest.raises(SharingError, match=r"^no file in .*Connection refused\): put it there"):
        download(["http://127.0.0.1:9/file"], tmp_path / "file", DIGEST, REMEDY)
    assert names(tmp_path) == []
