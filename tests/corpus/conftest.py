"""A cache for mtdata, and a web server on this machine whose answers the tests choose."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from planted import mtdata_folder


@pytest.fixture(scope="session")
def mtdata_cache() -> Path:
    return mtdata_folder()


class Answers:
    """What the server answers by path: a body, and the length that it claims."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.bodies: dict[str, tuple[bytes, int]] = {}

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
            self.send_response(200)
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
