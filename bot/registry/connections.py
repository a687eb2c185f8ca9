"""One HTTP request and its answer: kept connections, a time limit on every step, no more read than is wanted."""

from __future__ import annotations

import http.client
import io
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING

from bot import __version__
from bot.registry.addresses import Address, Origin, Reach, reach_of
from bot.registry.retry import may_pass

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_AGENT = f"promobot/{__version__}"
_CONNECT_WITHIN = 10.0
# What load balancers in between forget first: a connection that was idle for longer is not trusted again.
_KEPT = 50.0
# What a refusal may say; the rest of it is of no use to anybody.
_REFUSAL = 64 * 1024
_PIECE = 16 * 1024
_HEADER = re.compile(r"[\x20-\x7e]*")
_CUT = (ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Step(Enum):
    """How far a request came."""

    CONNECT = "connect"
    HANDSHAKE = "handshake"
    SEND = "send"
    ANSWER = "answer"


class NoAnswerError(Exception):
    """A request that got no answer: whom was asked, at which step it failed, and what Python says about it.

    `reused` is whether it went by a connection that had been kept.
    """

    def __init__(self, origin: Origin, step: Step, cause: Exception, *, reused: bool) -> None:
        super().__init__(f"{origin}: {step.value}: {type(cause).__name__}")
        self.origin = origin
        self.step = step
        self.cause = cause
        self.reused = reused

    @property
    def cut(self) -> bool:
        """Whether the connection ended early, which may not happen again."""
        return self.step is not Step.CONNECT and isinstance(self.cause, _CUT)

    @property
    def stale(self) -> bool:
        """Whether a kept connection turned out to be closed while the request was being written.

        The other end has not got the whole request then, and so has not acted on it. Where all of it was written and
        no answer came, that is not known: it may have been closed before, or after the work was done.
        """
        return self.reused and self.step is Step.SEND and self.cut


class RefusedError(Exception):
    """An answer, or a place to ask, that is not accepted; `str()` says why."""


class Headers(Mapping[str, str]):
    """An answer's headers by name, whatever its case; values of a name that comes several times are joined."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Response:
    """An answer, read to its end; of a refusal (status 400 and more) the beginning. `origin` is who gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    origin: Origin

    @property
    def media_type(self) -> str:
        """What the answer says that it is, without parameters; empty where it does not."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return may_pass(self.status)


@dataclass(frozen=True)
class Limits:
    """Seconds: for connecting (TLS included), for a silence, and for a request with its whole answer."""

    connect: float
    silence: float
    whole: float

    @classmethod
    def of(cls, timeout: float) -> Limits:
        """The limits for a server that may be silent for `timeout` seconds."""
        return cls(min(_CONNECT_WITHIN, timeout), timeout, 2 * timeout)


class Connections:
    """Connections to any number of servers; threads may share it.

    `home` is the server that the configuration names. Others were named by it, and are not asked where that would
    be a service of this machine, of its network link, or a cloud's metadata (unless home is such a one too).
    """

    def __init__(self, home: Origin, limits: Limits, trust: Callable[[], ssl.SSLContext], *, kept: int = 16) -> None:
        self.home = home
        self._limits = limits
        self._trust = trust
        self._kept = kept
        self._idle: dict[Origin, list[tuple[float, _Connection]]] = {}
        self._reach = Reach.ANYWHERE
        self._lock = Lock()

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for _, connection in connections:
                connection.close()

    def exchange(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None = None, *, limit: int
    ) -> Response:
        """Send one request and read its answer, of `limit` bytes at most. Raises NoAnswerError and RefusedError."""
        origin = address.origin
        kept = self._take(origin)
        connection = kept or _Connection(origin, self._limits, self._tls(origin), self._allowed)
        whole = False
        try:
            response, whole = connection.talk(method, address.target, headers, body, limit)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswerError(origin, connection.step, error, reused=kept is not None) from error
        finally:
            if whole:
                self._keep(origin, connection)
            else:
                connection.close()
        return response

    def _tls(self, origin: Origin) -> ssl.SSLContext | None:
        return self._trust() if origin.scheme == "https" else None

    def _allowed(self, origin: Origin, ip: str) -> None:
        reach = reach_of(ip)
        if origin == self.home:
            self._reach = reach
        elif reach is not Reach.ANYWHERE and reach is not self._reach:
            raise RefusedError(f"{origin} is an address of {reach.value} ({ip})")

    def _take(self, origin: Origin) -> _Connection | None:
        oldest = time.monotonic() - _KEPT
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                if not idle:
                    return None
                since, connection = idle.pop()
            if since > oldest and connection.quiet:
                return connection
            connection.close()

    def _keep(self, origin: Origin, connection: _Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if len(idle) < self._kept:
                idle.append((time.monotonic(), connection))
                return
        connection.close()


class _Connection:
    """One connection, which gives up in time and goes nowhere that it must not."""

    def __init__(
        self,
        origin: Origin,
        limits: Limits,
        tls: ssl.SSLContext | None,
        allowed: Callable[[Origin, str], None],
    ) -> None:
        self.step = Step.CONNECT
        self._origin = origin
        self._limits = limits
        self._tls = tls
        self._allowed = allowed
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    @property
    def quiet(self) -> bool:
        """Whether nothing came unasked, such as the end."""
        poll = select.poll()
        poll.register(self._connected(), select.POLLIN)
        return not poll.poll(0)

    def talk(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[Response, bool]:
        """The answer to one request, and whether the connection is good for another."""
        sock = self._connected()
        deadline = time.monotonic() + self._limits.whole
        self.step = Step.SEND
        unsent = _send(sock, _head(self._origin, method, target, headers, body) + (body or b""), deadline)
        self.step = Step.ANSWER
        try:
            response, whole = self._answer(sock, method, limit, deadline)
        except (OSError, http.client.HTTPException):
            if unsent is None:
                raise
            self.step = Step.SEND
            raise unsent from None
        return response, whole and unsent is None

    def _answer(self, sock: socket.socket, method: str, limit: int, deadline: float) -> tuple[Response, bool]:
        answer = http.client.HTTPResponse(sock, method=method)
        answer.fp.close()
        answer.fp = io.BufferedReader(_Timed(sock, deadline, self._limits.silence))
        try:
            answer.begin()
            headers = Headers(answer.getheaders())
            body = _body(answer, headers, method, limit)
            whole = answer.isclosed() and not answer.will_close
        finally:
            answer.close()
        return Response(answer.status, headers, body, self._origin), whole

    def _connected(self) -> socket.socket:
        if self._socket is None:
            deadline = time.monotonic() + self._limits.connect
            self._socket = self._connect(deadline)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self.step = Step.HANDSHAKE
                self._socket.settimeout(_left(deadline))
                self._socket = self._tls.wrap_socket(self._socket, server_hostname=self._origin.host)
        return self._socket

    def _connect(self, deadline: float) -> socket.socket:
        """To the first of the host's addresses that answers; all of them together have the one time limit."""
        failure = OSError("no address")
        host, port = self._origin.host, self._origin.port
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            # The very address that is connected to next: no second look-up of the name can give another.
            self._allowed(self._origin, str(address[0]))
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(_left(deadline))
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure


class _Timed(io.RawIOBase):
    """What comes from a socket, until it is silent for too long or the deadline is over.

    A socket's own time limit is for each read alone, and a server that sends a byte now and then never reaches it.
    """

    def __init__(self, sock: socket.socket, deadline: float, silence: float) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline
        self._silence = silence

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._socket.settimeout(min(self._silence, _left(self._deadline)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _head(origin: Origin, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = {"Host": origin.netloc, "Accept-Encoding": "identity", "User-Agent": _AGENT, **headers}
    if body is not None or method in {"POST", "PUT", "PATCH"}:
        lines["Content-Length"] = str(len(body or b""))
    for value in lines.values():
        if not _HEADER.fullmatch(value):
            raise ValueError("a header of more than a line")
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("ascii")


def _send(sock: socket.socket, data: bytes, deadline: float) -> ConnectionError | None:
    """Write it all; what is returned kept some of it from being written, and there may be an answer all the same."""
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            sock.settimeout(_left(deadline))
            sock.sendall(view[start : start + _PIECE])
    except ConnectionError as error:
        return error
    return None


def _body(answer: http.client.HTTPResponse, headers: Headers, method: str, limit: int) -> bytes:
    refusal = answer.status >= 400
    if method != "HEAD" and headers.get("Content-Encoding", "identity") != "identity":
        # Not unpacked: it could be of any size then.
        if refusal:
            return b""
        raise RefusedError("an answer in a compression that nobody asked for")
    announced = answer.length or 0
    most = min(limit, _REFUSAL) if refusal else limit
    body = b"" if announced > most and not refusal else answer.read(most + 1)
    if max(announced, len(body)) > most and not refusal:
        raise RefusedError(f"an answer of more than {limit} bytes")
    if len(body) < min(announced, most):
        raise http.client.IncompleteRead(body, announced - len(body))
    return body[:most]
