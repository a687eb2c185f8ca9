"""A Git server over HTTP on loopback: git http-backend, with a password, and faults that can be switched on."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from tests.git.backend import http_backend

USER, PASSWORD = "promobot", "pa55-phrase"
_EXPECTED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class SmartHttp:
    """Serves the bare repositories of a folder. `protocol_2=False` hides the client's wish for protocol version 2."""

    def __init__(self, root: Path, *, protocol_2: bool = True) -> None:
        self.root = root
        self.protocol_2 = protocol_2
        self.stalled = threading.Event()
        self.stall_on: bytes | None = None
        self.release = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> SmartHttp:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, http: SmartHttp) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.http = http


class _Handler(BaseHTTPRequestHandler):
    @property
    def http(self) -> SmartHttp:
        assert isinstance(self.server, _Server)
        return self.server.http

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") == _EXPECTED:
            self._serve(body)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()

    def _serve(self, body: bytes) -> None:
        sent = {name: value for name, value in self.headers.items() if self.http.protocol_2 or name != "Git-Protocol"}
        status, headers, content = http_backend(self.http.root, self.command, self.path, sent, body, user=USER)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if self.http.stall_on is not None and self.http.stall_on in body:
            self.wfile.write(content[: len(content) // 2])
            self.http.stalled.set()
            self.http.release.wait(30)
        else:
            self.wfile.write(content)
