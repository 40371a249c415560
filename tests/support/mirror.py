"""A download server on this machine."""

import gzip
import hashlib
import http.server
import socketserver
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from subliminal_bench.experiment.torchvision_import import data_set_class


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's output is no access log."""


class Garbage(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1024)
        self.request.sendall(b"this is no HTTP\r\n\r\n")


@dataclass(frozen=True)
class Mirror:
    """A download server on this machine, and the cache folder that its files should end in."""

    cache: Path
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def offer(self, contents: dict[str, bytes]) -> None:
        """Serve these files, compressed, and let torchvision expect just them."""
        resources = []
        for name, content in contents.items():
            packed = gzip.compress(content, 1, mtime=0)
            (self.folder / f"{name}.gz").write_bytes(packed)
            resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
        self.monkeypatch.setattr(data_set_class("MNIST"), "resources", resources)

    def point_to(self, server: socketserver.TCPServer) -> None:
        """Let torchvision know only this server."""
        port = server.socket.getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        self.monkeypatch.setattr(data_set_class("MNIST"), "mirrors", [url])


def serving(server: socketserver.BaseServer) -> threading.Thread:
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    return thread
