"""A cache for mtdata, web servers on this machine, and apt with a repository of its own."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from planted import mtdata_folder
from planted_packages import Repository


@pytest.fixture(scope="session")
def mtdata_cache() -> Path:
    return mtdata_folder()


class Answers:
    """What the server answers by path: a body, and the length that it claims.

    asked are the parts of bodies that were asked for, which it gives.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.bodies: dict[str, tuple[bytes, int]] = {}
        self.asked: list[str | None] = []

    def give(self, path: str, body: bytes, claimed: int | None = None) -> str:
        """Answer with the body from now on; returns the URL."""
        self.bodies[path] = body, len(body) if claimed is None else claimed
        return self.url + path


@pytest.fixture
def server(monkeypatch) -> Iterator[Answers]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in answers.bodies:
                self.send_error(404)
                return
            body, claimed = answers.bodies[self.path]
            part = self.headers["Range"]
            answers.asked.append(part)
            begin = int(part.removeprefix("bytes=").removesuffix("-")) if part else 0
            if part and begin >= len(body):
                self.send_error(416)
                return
            body, claimed = body[begin:], claimed - begin
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(claimed))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers = Answers(serving.server_port)
    threading.Thread(target=serving.serve_forever).start()
    yield answers
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def apt(tmp_path, monkeypatch) -> Path:
    """Point apt at a folder of its own; returns its sources list, which is empty."""
    if not all(map(shutil.which, ("apt-get", "dpkg-deb"))):
        pytest.skip("needs Debian's tools")
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


@pytest.fixture
def repository(apt, tmp_path) -> Iterator[Repository]:
    """A repository without packages yet."""
    made = Repository(tmp_path / "repository", apt)
    yield made
    made.stop()
