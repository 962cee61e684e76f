"""Debian packages of a few files, in a repository on this machine that apt reads."""

import subprocess
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polib

from fairseq_sharing.files import sha256

DESCRIPTION = "Description: help\n"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        """Answer in full: an index made twice within a second would be "not modified" for apt."""
        del self.headers["If-Modified-Since"]
        super().do_GET()


class Repository:
    """Packages in a folder, on a local web server that apt's empty list of sources will name."""

    def __init__(self, folder: Path, sources: Path) -> None:
        folder.mkdir()
        self.folder, self.sources, self.index = folder, sources, ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=self.server.serve_forever).start()

    def publish(self, packages: Mapping[str, Mapping[str, str | bytes]]) -> None:
        """Make packages of files by their paths; apt knows them from now on."""
        self.index += "".join(self._build(name, files) for name, files in packages.items())
        (self.folder / "Packages").write_text(self.index)
        self.sources.write_text(
            f"deb [trusted=yes] http://127.0.0.1:{self.server.server_port} ./\n"
        )
        subprocess.run(["apt-get", "update"], check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """Stop answering; a second time does nothing."""
        self.server.shutdown()
        self.server.server_close()

    def _build(self, name: str, files: Mapping[str, str | bytes]) -> str:
        """Make a package; returns its entry in the index."""
        root = self.folder / name
        control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.c>\n"
        for path, content in {**files, "DEBIAN/control": control + DESCRIPTION}.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file = self.folder / f"{name}_1.0_all.deb"
        subprocess.run(["dpkg-deb", "--build", root, file], check=True, stdout=subprocess.DEVNULL)
        facts = f"Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {sha256(file)}\n"
        return f"{control}{facts}{DESCRIPTION}\n"


def catalogue(messages: Iterable[tuple[str | None, str, str]]) -> bytes:
    """A catalogue of gettext: contexts, English strings and their translations."""
    file = polib.MOFile()
    for context, english, other in messages:
        file.append(polib.POEntry(msgctxt=context, msgid=english, msgstr=other))
    return file.to_binary()
