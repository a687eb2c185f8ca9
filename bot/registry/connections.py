"""One HTTP request and its answer: kept connections, a time limit on every step, no more read than is wanted."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout, exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection

from bot import __version__
from bot.registry.addresses import Address, Origin, Reach, reach_of
from bot.registry.retry import may_pass

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Encodings would have to be unpacked, and what is unpacked can be of any size.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"promobot/{__version__}"}
_CONNECT_WITHIN = 10.0
# What a refusal may say; the rest of it is of no use to anybody.
_REFUSAL = 64 * 1024
_CUT = (ConnectionError, http.client.IncompleteRead, exceptions.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_Pool: TypeAlias = HTTPConnectionPool


class NoAnswerError(Exception):
    """A request that got no answer: whom was asked, and what the HTTP library says about it."""

    def __init__(self, origin: Origin, cause: exceptions.HTTPError) -> None:
        super().__init__(f"{origin}: {type(cause).__name__}")
        self.origin = origin
        self.cause = cause

    @property
    def connected(self) -> bool:
        """Whether there was a connection, so that the request may have arrived and been carried out."""
        return not isinstance(self.cause, exceptions.NewConnectionError | exceptions.ConnectTimeoutError)

    @property
    def cut(self) -> bool:
        """Whether the connection ended early, which may not happen again."""
        return self.connected and any(isinstance(arg, _CUT) for arg in (self.cause, *self.cause.args))


class RefusedError(Exception):
    """An answer, or a place to ask, that is not accepted; `str()` says why."""


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
        self._pools: dict[Origin, _Pool] = {}
        self._reach = Reach.ANYWHERE
        self._lock = Lock()

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def exchange(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None = None, *, limit: int
    ) -> Response:
        """Send one request and read its answer, of `limit` bytes at most. Raises NoAnswerError and RefusedError."""
        origin = address.origin
        try:
            answer = self._pool(origin).urlopen(
                method,
                address.target,
                body,
                {**_HEADERS, **headers},
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return Response(answer.status, answer.headers, _body(answer, limit), origin)
        except exceptions.HTTPError as error:
            raise NoAnswerError(origin, error) from error

    def _pool(self, origin: Origin) -> _Pool:
        with self._lock:
            if origin not in self._pools:
                self._pools[origin] = self._make_pool(origin)
            return self._pools[origin]

    def _make_pool(self, origin: Origin) -> _Pool:
        limits = self._limits
        settings: dict[str, Any] = {
            "timeout": Timeout(connect=limits.connect, read=limits.silence),
            "maxsize": self._kept,
            "limits": limits,
            "allowed": partial(self._allowed, origin),
        }
        if origin.scheme == "https":
            return _HTTPSPool(origin.host, origin.port, ssl_context=self._trust(), **settings)
        return _HTTPPool(origin.host, origin.port, **settings)

    def _allowed(self, origin: Origin, ip: str) -> None:
        reach = reach_of(ip)
        if origin == self.home:
            self._reach = reach
        elif reach is not Reach.ANYWHERE and reach is not self._reach:
            raise RefusedError(f"{origin} is an address of {reach.value} ({ip})")


class _Bounded(HTTPConnection):
    """A connection that goes nowhere that it must not, and whose answers come in time."""

    response_class: Any

    def __init__(self, *args: Any, limits: Limits, allowed: Callable[[str], None], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._limits = limits
        self._allowed = allowed

    def connect(self) -> None:
        super().connect()
        # Whom the connection really is to, before anything is asked there: a name can mean another address by now.
        self._allowed(self.sock.getpeername()[0])

    def request(self, *args: Any, **settings: Any) -> None:
        deadline = time.monotonic() + self._limits.whole
        self.response_class = partial(_Answer, deadline=deadline, silence=self._limits.silence)
        super().request(*args, **settings)


class _BoundedTLS(_Bounded, HTTPSConnection):
    """The same over TLS."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS


class _Answer(http.client.HTTPResponse):
    """An answer that has to be there, head and body, before the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, silence: float, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp = io.BufferedReader(_Timed(sock, self.fp.detach(), deadline, silence))


class _Timed(io.RawIOBase):
    """What comes from a socket, until it is silent for too long or the deadline is over.

    A socket's own time limit is for each read alone, and a server that sends a byte now and then never reaches it.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: float, silence: float) -> None:
        self._socket = sock
        self._raw = raw
        self._deadline = deadline
        self._silence = silence

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(self._silence, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _body(answer: BaseHTTPResponse, limit: int) -> bytes:
    """What the answer says, of a refusal the beginning. The connection is kept only after an answer's end."""
    refusal = answer.status >= 400
    most = min(limit, _REFUSAL) if refusal else limit
    try:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise RefusedError("an answer in a compression that nobody asked for")
        if not refusal and (answer.length_remaining or 0) > most:
            raise RefusedError(f"an answer of more than {limit} bytes")
        body = answer.read(most + 1)
        if len(body) > most and not refusal:
            raise RefusedError(f"an answer of more than {limit} bytes")
        if len(body) <= most:
            if answer.length_remaining:
                raise exceptions.IncompleteRead(len(body), answer.length_remaining)
            answer.release_conn()
        return body[:most]
    finally:
        answer.close()
