"""What becomes of one connection."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler

from tests.proxy.bodies import changed, pausing
from tests.proxy.faults import Answer, AnswerAfter, CutAfter, CutBefore, CutDuring, Delay, Kind, Pause, Silence
from tests.proxy.watched import FaultProxy, Seen

_PIECE = 256 * 1024
_HOP = frozenset({"transfer-encoding", "connection", "content-length"})


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client, with one of its own to the registry."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30
    proxy: FaultProxy

    def setup(self) -> None:
        super().setup()
        upstream = self.proxy.upstream
        self.registry: http.client.HTTPConnection = (
            http.client.HTTPSConnection(upstream.host, context=ssl.create_default_context(cafile=upstream.ca_file))
            if upstream.ca_file
            else http.client.HTTPConnection(upstream.host)
        )

    def finish(self) -> None:
        self.registry.close()
        with contextlib.suppress(ConnectionError):  # the client may be gone, for instance killed
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the tests look at `seen`."""

    def _handle(self) -> None:
        # A header may come more than once: skopeo sends an Accept for each type.
        joined = {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        request = Seen(self.command, self.path, joined)
        released = self.proxy.released
        kind = self.proxy.take(request) or self.proxy.gate(request)
        try:
            match kind:
                case CutBefore():
                    self._cut()
                case Silence(seconds, False):
                    released.wait(seconds)
                    self.close_connection = True
                case Answer(status, headers, content):
                    self._drain()
                    self._reply(status, {**headers, "Content-Length": str(len(content))}, [content])
                case Delay(seconds):
                    time.sleep(seconds)
                    self._pass_on(request, None, released)
                case _:
                    self._pass_on(request, kind, released)
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            # The client may be gone, for instance killed, or the registry, for instance stopped.
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server looks for these

    def _cut(self) -> None:
        self._drain()
        self.close_connection = True

    def _drain(self) -> None:
        for _ in self._body():
            pass

    @property
    def _chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def _body(self) -> Iterator[bytes]:
        """The request's body in pieces; raises ConnectionError where the client does not send all of it."""
        if not self._chunked:
            yield from self._read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self._line().partition(b";")[0], 16):
            yield from self._read(size)
            self._line()
        self._line()

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line:
            raise ConnectionError
        return line

    def _read(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, _PIECE))
            if not piece:
                raise ConnectionError
            size -= len(piece)
            yield piece

    def _half_of_body(self) -> Iterator[bytes]:
        half = int(self.headers.get("Content-Length", 0)) // 2
        for piece in self._body():
            yield piece[: half or len(piece) // 2]
            break
        raise ConnectionError

    def _sent(self, kind: Kind | None, released: threading.Event) -> Iterator[bytes]:
        match kind:
            case CutDuring():
                return self._half_of_body()
            case Pause():
                return pausing(self._body(), 1, released)
            case _:
                return self._body()

    def _pass_on(self, request: Seen, kind: Kind | None, released: threading.Event) -> None:
        answer = self._forward(request, self._sent(kind, released))
        if isinstance(kind, CutAfter | Silence):
            answer.read()
            if isinstance(kind, Silence):
                released.wait(kind.seconds)
            self.close_connection = True
            return
        if isinstance(kind, AnswerAfter):
            answer.read()
            self._reply(kind.status, {**kind.headers, "Content-Length": str(len(kind.body))}, [kind.body])
            return
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        length = answer.getheader("Content-Length")
        pieces: Iterable[bytes] = iter(lambda: answer.read(_PIECE), b"")
        if length is None or self.command == "HEAD":
            pieces = [answer.read()]
            length = length or (None if self.command == "HEAD" or answer.status == 204 else str(len(pieces[0])))
        if length is not None:
            kept["Content-Length"] = length
        self._reply(answer.status, *changed(kept, pieces, kind, released))

    def _forward(self, request: Seen, body: Iterator[bytes]) -> http.client.HTTPResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        # The Host that the client named goes along, so that the registry's Location leads back to the proxy.
        headers["X-Forwarded-Proto"] = "http"
        if self._chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif "Content-Length" in self.headers or self.command in {"POST", "PUT", "PATCH"}:
            headers["Content-Length"] = self.headers.get("Content-Length", "0")
        try:
            self.registry.request(self.command, self.path, body, headers, encode_chunked=self._chunked)
        except (BrokenPipeError, ConnectionResetError):
            # It may have answered before it had read everything. What it left unread would be taken for a request.
            self.close_connection = True
        return self.registry.getresponse()

    def _reply(self, status: int, headers: Mapping[str, str], pieces: Iterable[bytes]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        missing = int(headers.get("Content-Length", 0))
        for piece in pieces:
            self.wfile.write(piece)
            missing -= len(piece)
        self.close_connection = self.close_connection or missing > 0
