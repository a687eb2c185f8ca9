"""An HTTP proxy in front of a registry that counts requests and breaks chosen ones in chosen ways."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
class CutMidway:
    """Pass on the answer's head and half of its body, then close the connection."""


@dataclass(frozen=True)
class Without:
    """Pass on the answer without this header."""

    header: str


@dataclass(frozen=True)
class Replaced:
    """Pass on the answer with another body of the same length."""


Kind: TypeAlias = Delay | Answer | CutBefore | CutAfter | CutMidway | Without | Replaced


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests whose `METHOD /path?query` the regular expression `match` finds."""

    match: str
    kind: Kind
    times: int = 1


@dataclass(frozen=True)
class Seen:
    """A request that reached the proxy."""

    method: str
    path: str
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


# Looks at every request first; an Answer is sent instead of passing the request on.
Gate: TypeAlias = Callable[[Seen], Answer | None]


@dataclass
class FaultProxy:
    """A running proxy. `seen` has every request in the order of arrival, `passed` may be called at each of them."""

    upstream: RunningRegistry
    host: str
    gate: Gate
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def access(self, name: str) -> RegistryAccess:
        """The registry behind, by way of the proxy."""
        return replace(self.upstream.access(name), host=self.host, endpoint=self.host, plain_http=True, ca_file=None)

    def inject(self, *faults: Fault) -> None:
        """Break requests to come, each by the first fault that matches and has times left."""
        with self.lock:
            self.faults.extend(faults)

    def count(self, match: str = "") -> int:
        """How many requests came whose `METHOD /path?query` the regular expression finds."""
        with self.lock:
            return sum(1 for request in self.seen if re.search(match, str(request)))

    def take(self, request: Seen) -> Kind | None:
        """Note a request, and use up one time of the fault that is meant for it."""
        with self.lock:
            self.seen.append(request)
            for index, fault in enumerate(self.faults):
                if fault.times and re.search(fault.match, str(request)):
                    self.faults[index] = replace(fault, times=fault.times - 1)
                    return fault.kind
        return None


@contextmanager
def start_proxy(upstream: RunningRegistry, *, gate: Gate = lambda _: None) -> Iterator[FaultProxy]:
    """Run a plain HTTP proxy on a free loopback port in front of `upstream`, which may speak https."""

    class Bound(_Exchange):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Bound) as server:
        Bound.proxy = FaultProxy(upstream, f"127.0.0.1:{server.server_address[1]}", gate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Bound.proxy
        finally:
            server.shutdown()
            thread.join()


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a client, with one of its own to the registry."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 5
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
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the tests look at `seen`."""

    def _handle(self) -> None:
        # A header may come more than once: skopeo sends an Accept for each type.
        joined = {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        request = Seen(self.command, self.path, joined)
        kind = self.proxy.take(request) or self.proxy.gate(request)
        body = self._body()
        match kind:
            case CutBefore():
                self.close_connection = True
            case Answer(status, headers, content):
                self._reply(status, {**headers, "Content-Length": str(len(content))}, content)
            case Delay(seconds):
                time.sleep(seconds)
                self._pass_on(request, body, None)
            case _:
                self._pass_on(request, body, kind)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server looks for these

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _pass_on(self, request: Seen, body: bytes, kind: Kind | None) -> None:
        hop = {"transfer-encoding", "connection", "content-length"}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in hop}
        # The Host that the client named goes along, so that the registry's Location leads back to the proxy.
        headers["X-Forwarded-Proto"] = "http"
        if body or self.command in {"POST", "PUT", "PATCH"}:
            headers["Content-Length"] = str(len(body))
        try:
            self.registry.request(self.command, self.path, body or None, headers)
            answer = self.registry.getresponse()
            content = answer.read()
        except (ConnectionError, http.client.HTTPException):  # the registry may be gone, for instance stopped
            self.close_connection = True
            return
        if isinstance(kind, CutAfter):
            self.close_connection = True
            return
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in hop}
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if length is not None and answer.status != 204:
            kept["Content-Length"] = length
        self._reply(answer.status, *_changed(kept, content, kind))
        self.close_connection = self.close_connection or isinstance(kind, CutMidway)

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the client may be gone, for instance killed
                self.wfile.write(content)


def _changed(headers: dict[str, str], content: bytes, kind: Kind | None) -> tuple[dict[str, str], bytes]:
    match kind:
        case CutMidway():
            return headers, content[: len(content) // 2]
        case Without(header):
            return {name: value for name, value in headers.items() if name.lower() != header.lower()}, content
        case Replaced():
            return headers, bytes(reversed(content))
        case _:
            return headers, content
