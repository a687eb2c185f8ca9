"""One connection to a server: it goes nowhere that it must not, and what comes by it comes in time."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONNECT_WITHIN = 10.0
# An answer's head and body as they come, several times what is asked for at most: http.client takes a part of negative
# length for all that comes.
_RAW = 32 * 1024 * 1024
# Seconds without a request, after which others on the way may have forgotten the connection.
_IDLE = 50.0

# Raises what there is to say against an IP address.
Judge: TypeAlias = Callable[[str], None]


class RefusedError(Exception):
    """An answer, or a place to ask, that is not accepted; `str()` says why."""


def anywhere(_: str) -> None:
    """Finds nothing wrong with an IP address."""


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


class BoundedConnection(HTTPConnection):
    """A connection that goes nowhere that it must not, and whose answers come in time."""

    response_class: Any

    def __init__(
        self, *args: Any, limits: Limits, allowed: Judge = anywhere, reached: Judge = anywhere, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self._limits = limits
        self._allowed = allowed
        self._reached = reached
        self._used = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether it is good for another request."""
        return super().is_connected and time.monotonic() - self._used < _IDLE

    def connect(self) -> None:
        """Only where every address of the host is allowed, and the one that it came to: a name's meaning can change."""
        with contextlib.suppress(socket.gaierror, UnicodeError):  # told by urllib3 in its own words
            for *_, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                self._allowed(str(address[0]))
        super().connect()
        self._reached(self.sock.getpeername()[0])

    def request(self, *args: Any, **settings: Any) -> None:
        self._used = time.monotonic()
        deadline = self._used + self._limits.whole
        self.response_class = partial(_Answer, deadline=deadline, silence=self._limits.silence)
        super().request(*args, **settings)


class BoundedTLSConnection(BoundedConnection, HTTPSConnection):
    """The same over TLS."""


class BoundedPool(HTTPConnectionPool):
    """Such connections to one server. Needs `limits`; its IP addresses may be judged: all, then the one come to."""

    ConnectionCls = BoundedConnection


class BoundedTLSPool(HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = BoundedTLSConnection


class _Answer(http.client.HTTPResponse):
    """An answer that has to be there, head and body, before the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, silence: float, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp = io.BufferedReader(_Timed(sock, self.fp.detach(), deadline, silence))


class _Timed(io.RawIOBase):
    """What comes from a socket, until it is silent for too long, the deadline is over, or it is far too much.

    A socket's own time limit is for each read alone, and a server that sends a byte now and then never reaches it.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: float, silence: float) -> None:
        self._socket = sock
        self._raw = raw
        self._deadline = deadline
        self._silence = silence
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(self._silence, left))
        count = self._raw.readinto(buffer)
        self._bytes += count or 0
        if self._bytes > _RAW:
            raise RefusedError(f"an answer of more than {_RAW} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
