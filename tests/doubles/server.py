"""Runs a double on a free loopback port; see the package."""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol, TypeAlias

import trustme
from urllib3 import HTTPHeaderDict

from tests.doubles.http import Request, Response
from tests.git.backend import http_backend
from tests.proxy import Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Delay, Kind, Seen, Silence, Watched

_GIT = re.compile(r"/(?P<project>.+?)(?:\.git)?/(?:info/refs\?service=(?P<asked>[\w-]+)|(?P<done>git-[\w-]+-pack))")
_SECONDS_FOR_A_REQUEST = 30


@dataclass(frozen=True)
class Pass:
    """A user may read a project's repository, and push to it where that was asked: `<root>/<path>.git`."""

    root: Path
    path: str
    user: str


class App(Protocol):
    """A forge. Requests come in several threads at once."""

    def route(self, request: Request) -> str:
        """The name of what a request is for, such as `GET /projects/:id`."""
        ...

    def answer(self, request: Request) -> Response:
        """Do what is asked."""
        ...

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        """Whether who asks may fetch a project by git, or push to it, or how it is refused."""
        ...

    def pushed(self, project: str) -> None:
        """Somebody has pushed to a project."""
        ...


@dataclass(frozen=True)
class Exchange:
    """A request and what came of it; `response` is None where nothing was sent.

    `fault` is what a test did to it; an `Answer` or `AnswerAfter` is not of the double.
    """

    number: int
    route: str
    request: Request
    response: Response | None
    fault: Kind | None = None

    def __str__(self) -> str:
        came = self.response.status if self.response else "no answer"
        injected = f"   ({type(self.fault).__name__})" if self.fault else ""
        return f"{self.number:3} {self.request} -> {came}{injected}"


# Says what is wrong with an exchange, if anything is.
Watcher: TypeAlias = Callable[[Exchange], Sequence[str]]


@dataclass
class Running(Watched):
    """A double that runs. `url` is where, its prefix included and without a slash at the end; `ca_file` is of https."""

    url: str
    app: App
    ca_file: Path | None = None
    watchers: list[Watcher] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def counts(self, *, git: bool = False) -> Counter[str]:
        """How many requests of each route came since the start or `forget`; those of git only if asked for."""
        with self.lock:
            routes = [exchange.route for exchange in self.exchanges]
        return Counter(route for route in routes if git or not route.startswith("git "))

    def log(self) -> str:
        """Every exchange, one a line."""
        with self.lock:
            return "\n".join(str(exchange) for exchange in self.exchanges)

    def forget(self) -> None:
        """Count from here on."""
        with self.lock:
            self.exchanges.clear()
            self.seen.clear()

    def note(self, route: str, request: Request, response: Response | None, fault: Kind | None) -> None:
        """Remember an exchange, and let the watchers judge it."""
        with self.lock:
            exchange = Exchange(len(self.exchanges) + 1, route, request, response, fault)
            self.exchanges.append(exchange)
        for watcher in self.watchers:
            self.complain(*(f"{exchange}: {words}" for words in watcher(exchange)))

    def complain(self, *words: str) -> None:
        """Something that the test has to fail for."""
        with self.lock:
            self.complaints.extend(words)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us, or is gone, is no news; the double's own failures are complaints."""


@contextmanager
def serve(app: App, *, prefix: str = "", tls_in: Path | None = None, port: int = 0) -> Iterator[Running]:
    """Run a double for as long as the context lasts, below `prefix` (such as `/gitlab`), on a free port by default.

    With a folder `tls_in` it speaks https by an authority whose certificate is put there. Where something was wrong
    with an exchange the context ends with AssertionError, except after another error.
    """

    class Bound(_Handler):
        pass

    with _Server(("127.0.0.1", port), Bound) as server:
        scheme, ca_file = "http", None
        if tls_in is not None:
            scheme, ca_file = "https", tls_in / "double-ca.pem"
            server.socket = _context(ca_file).wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        Bound.running = Running(f"{scheme}://127.0.0.1:{server.server_address[1]}{prefix}", app, ca_file)
        Bound.prefix = prefix
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Bound.running
        finally:
            Bound.running.heal()
            server.shutdown()
            thread.join()
    assert not Bound.running.complaints, "\n".join(Bound.running.complaints)


def _context(ca_file: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


class _Handler(BaseHTTPRequestHandler):
    """A connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _SECONDS_FOR_A_REQUEST
    running: Running
    prefix: str

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the tests look at `log`."""

    def _handle(self) -> None:
        running = self.running
        request = self._request()
        released = running.released
        fault = running.take(Seen(request.method, request.target, request.headers))
        with contextlib.suppress(ConnectionError):  # the client may be gone, for instance killed
            match fault:
                case CutBefore():
                    self._end(request, None, fault)
                case Answer():
                    self._end(request, Response(fault.status, fault.body, fault.headers), fault)
                case Silence(seconds, False):
                    released.wait(seconds)
                    self._end(request, None, fault)
                case _:
                    self._work(request, fault, released)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server looks for these

    def _work(self, request: Request, fault: Kind | None, released: threading.Event) -> None:
        if isinstance(fault, Delay):
            time.sleep(fault.seconds)
        response = self._answer(request)
        match fault:
            case AnswerAfter():
                self._end(request, Response(fault.status, fault.body, fault.headers), fault)
            case CutAfter():
                self._end(request, None, fault)
            case Silence():
                released.wait(fault.seconds)
                self._end(request, None, fault)
            case CutMidway():
                self._end(request, response, fault, length=len(response.body) // 2)
            case None | Delay():
                self._end(request, response, fault)
            case _:
                self.running.complain(f"{request}: a double knows nothing of {fault}")

    def _answer(self, request: Request) -> Response:
        try:
            git = self._git(request)
            return self.running.app.answer(request) if git is None else git
        except Exception:  # noqa: BLE001 - whatever it is, the test has to fail for it, and the client to go on
            self.running.complain(f"{request}: the double failed\n{traceback.format_exc()}")
            return Response(500, b"the double failed")

    def _git(self, request: Request) -> Response | None:
        """The answer to git; None where it is somebody else who asks."""
        found = _GIT.fullmatch(request.target)
        if found is None:
            return None
        project, service = found["project"], found["asked"] or found["done"]
        app, write = self.running.app, service == "git-receive-pack"
        match app.admit(project, request, write=write):
            case Response() as refusal:
                return refusal
            case Pass(root, path, user):
                below = request.target[request.target.index("/info/refs" if found["asked"] else "/git-") :]
                status, headers, body = http_backend(
                    root, request.method, f"/{path}.git{below}", request.headers, request.body, user=user
                )
                if write and not found["asked"]:
                    app.pushed(project)
                return Response(status, body, headers)

    def _end(
        self, request: Request, response: Response | None, fault: Kind | None, *, length: int | None = None
    ) -> None:
        """Note what came of a request before the client hears of it, so that it is there when a test looks."""
        found = _GIT.fullmatch(request.target)
        route = f"git {found['asked'] or found['done']}" if found else self.running.app.route(request)
        self.running.note(route, request, response, fault)
        if response is None:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        for name, value in {**response.head, "Content-Length": str(len(response.body))}.items():
            if not (response.status in {204, 304} and name == "Content-Length"):
                self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(response.body[:length])
        self.close_connection = self.close_connection or length is not None

    def _request(self) -> Request:
        scheme = self.running.url.partition("://")[0]
        base = f"{scheme}://{self.headers.get('Host', '')}{self.prefix}"
        target = self.path.removeprefix(self.prefix) if self.path.startswith(f"{self.prefix}/") else f"!{self.path}"
        return Request(self.command, target, HTTPHeaderDict(self.headers.items()), b"".join(self._body()), base)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
