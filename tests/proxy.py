"""An HTTP proxy in front of a registry that counts requests and breaks chosen ones in chosen ways."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from bot.demo.registries import RunningRegistry
from bot.registry.access import RegistryAccess


@dataclass(frozen=True)
class Delay:
    """Pass the request on after this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """Answer it here; the registry never sees it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class CutBefore:
    """Close the connection; the registry never sees the request."""


@dataclass(frozen=True)
class CutAfter:
    """Pass the request on, and close the connection instead of passing the answer back."""


@dataclass(frozen=True)
class AnswerAfter:
    """Pass the request on, and answer this instead of what comes back, as a gateway does that lost patience."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class CutDuring:
    """Pass on half of the request's body, then close both connections; one without a body is cut before."""


@dataclass(frozen=True)
class CutMidway:
    """Pass on the answer's head and half of its body, then close the connection."""


@dataclass(frozen=True)
class Silence:
    """Say nothing for this many seconds or until the proxy's `release`, then close the connection.

    The registry sees the request only if it is `passed` on.
    """

    seconds: float = 600.0
    passed: bool = False


@dataclass(frozen=True)
class Pause:
    """Stop in the middle of the request's body, or if it has none of the answer's, until the `release`."""


@dataclass(frozen=True)
class Without:
    """Pass on the answer without this header."""

    header: str


@dataclass(frozen=True)
class WrongDigest:
    """Pass on the answer under the digest of something else."""


@dataclass(frozen=True)
class Replaced:
    """Pass on the answer with another body of the same length."""


@dataclass(frozen=True)
class Short:
    """Pass on the first half of the answer's body as if it were all."""


@dataclass(frozen=True)
class Corrupted:
    """Pass on the answer with one byte in the middle of its body changed."""


@dataclass(frozen=True)
class Drip:
    """Pass on the answer's body byte by byte, with this many seconds between two of them, until the `release`."""

    seconds: float


Kind: TypeAlias = (
    Delay
    | Answer
    | AnswerAfter
    | CutBefore
    | CutAfter
    | CutDuring
    | CutMidway
    | Silence
    | Pause
    | Without
    | WrongDigest
    | Replaced
    | Short
    | Corrupted
    | Drip
)
ALWAYS = 1_000_000_000
NOT_ITS_DIGEST = f"sha256:{'5' * 64}"
_PIECE = 256 * 1024


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests whose `METHOD /path?query` the regular expression `match` finds.

    The first `skip` of them are left alone.
    """

    match: str
    kind: Kind
    times: int = 1
    skip: int = 0


@dataclass(frozen=True)
class Seen:
    """A request that reached the proxy."""

    method: str
    path: str
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


# Looks at every request that no injected fault was meant for, and may break it.
Gate: TypeAlias = Callable[[Seen], Kind | None]


@dataclass
class Watched:
    """A server's requests, and which of them to break. `seen` has every one in the order of arrival."""

    faults: list[Fault] = field(default_factory=list, init=False)
    seen: list[Seen] = field(default_factory=list, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    released: threading.Event = field(default_factory=threading.Event, init=False)

    def inject(self, *faults: Fault) -> None:
        """Break requests to come, each by the first fault that matches and has times left."""
        with self.lock:
            self.faults.extend(faults)

    def heal(self) -> None:
        """Break nothing from now on, and end what is held in silence."""
        with self.lock:
            self.faults.clear()
        self.release()

    def release(self) -> None:
        """End every silence that goes on, and every dripping."""
        with self.lock:
            held, self.released = self.released, threading.Event()
        held.set()

    def count(self, match: str = "") -> int:
        """How many requests came whose `METHOD /path?query` the regular expression finds."""
        with self.lock:
            return sum(1 for request in self.seen if re.search(match, str(request)))

    def take(self, request: Seen) -> Kind | None:
        """Note a request, and use up one time of the fault that is meant for it."""
        with self.lock:
            self.seen.append(request)
            for index, fault in enumerate(self.faults):
                if not fault.times or not re.search(fault.match, str(request)):
                    continue
                if not fault.skip:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                    return fault.kind
                self.faults[index] = replace(fault, skip=fault.skip - 1)
        return None


@dataclass
class FaultProxy(Watched):
    """A running proxy. `gate` may be called at each request."""

    upstream: RunningRegistry
    host: str
    gate: Gate

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def access(self, name: str) -> RegistryAccess:
        """The registry behind, by way of the proxy."""
        return replace(self.upstream.access(name), host=self.host, endpoint=self.host, plain_http=True, ca_file=None)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # as many as connect at once; one that finds no room tries again only after a second


@contextmanager
def start_proxy(upstream: RunningRegistry, *, gate: Gate = lambda _: None) -> Iterator[FaultProxy]:
    """Run a plain HTTP proxy on a free loopback port in front of `upstream`, which may speak https.

    Bodies are passed on as they come, so that their size does not matter.
    """

    class Bound(_Exchange):
        pass

    with _Server(("127.0.0.1", 0), Bound) as server:
        Bound.proxy = FaultProxy(upstream, f"127.0.0.1:{server.server_address[1]}", gate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Bound.proxy
        finally:
            Bound.proxy.heal()
            server.shutdown()
            thread.join()


class _Exchange(BaseHTTPRequestHandler):
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
                return _pausing(self._body(), 1, released)
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
        self._reply(answer.status, *_changed(kept, pieces, kind, released))

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


_HOP = frozenset({"transfer-encoding", "connection", "content-length"})


def _changed(
    headers: dict[str, str], pieces: Iterable[bytes], kind: Kind | None, released: threading.Event
) -> tuple[dict[str, str], Iterable[bytes]]:
    half = int(headers.get("Content-Length", 0)) // 2
    match kind:
        case CutMidway():
            return headers, _first(pieces, half)
        case Short():
            return {**headers, "Content-Length": str(half)}, _first(pieces, half)
        case Corrupted():
            return headers, _corrupted(pieces, half)
        case Pause():
            return headers, _pausing(pieces, half, released)
        case Drip(seconds):
            return headers, _dripping(pieces, seconds, released)
        case Replaced():
            return headers, [bytes(reversed(b"".join(pieces)))]
        case Without(header):
            return {name: value for name, value in headers.items() if name.lower() != header.lower()}, pieces
        case WrongDigest():
            return {**headers, "Docker-Content-Digest": NOT_ITS_DIGEST}, pieces
        case _:
            return headers, pieces


def _first(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The first bytes; the rest is read all the same, so that the registry's connection can be used again."""
    for piece in pieces:
        yield piece[:length]
        length = max(0, length - len(piece))


def _corrupted(pieces: Iterable[bytes], position: int) -> Iterator[bytes]:
    for piece in pieces:
        if 0 <= position < len(piece):
            changed = bytearray(piece)
            changed[position] ^= 1
            yield bytes(changed)
        else:
            yield piece
        position -= len(piece)


def _pausing(pieces: Iterable[bytes], position: int, released: threading.Event) -> Iterator[bytes]:
    for piece in pieces:
        if 0 <= position < len(piece):
            yield piece[:position]
            released.wait()
            yield piece[position:]
        else:
            yield piece
        position -= len(piece)


def _dripping(pieces: Iterable[bytes], seconds: float, released: threading.Event) -> Iterator[bytes]:
    for piece in pieces:
        for value in piece:
            released.wait(seconds)
            yield bytes([value])
