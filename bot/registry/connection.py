"""One connection: requests and their answers, a time limit on every step, no more read than is wanted."""

from __future__ import annotations

import http.client
import io
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import __version__
from bot.registry.addresses import Origin
from bot.registry.answers import Headers, NoAnswerError, RefusedError, Response, Step

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_AGENT = f"promobot/{__version__}"
_CONNECT_WITHIN = 10.0
# What a refusal may say; the rest of it is of no use to anybody.
_REFUSAL = 64 * 1024
_PIECE = 16 * 1024
_HEADER = re.compile(r"[\x20-\x7e]*")


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


def connect(
    origin: Origin, limits: Limits, tls: ssl.SSLContext | None, allowed: Callable[[Origin, str], None]
) -> socket.socket:
    """A socket that is connected to an origin, by TLS if that is given.

    `allowed` is asked about each IP address before it is tried, and raises RefusedError. Raises NoAnswerError.
    """
    deadline = time.monotonic() + limits.connect
    try:
        sock = _connected(origin, deadline, allowed)
    except (OSError, ValueError) as error:
        raise NoAnswerError(origin, Step.CONNECT, error) from error
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return sock
        sock.settimeout(_left(deadline))
        return tls.wrap_socket(sock, server_hostname=origin.host)
    except (OSError, ValueError) as error:
        sock.close()
        raise NoAnswerError(origin, Step.HANDSHAKE, error) from error


def _connected(origin: Origin, deadline: float, allowed: Callable[[Origin, str], None]) -> socket.socket:
    """To the first of the host's addresses that answers; each has its share of the time that is left."""
    failure = OSError("no address")
    found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    for after, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        # The very address that is connected to next: no second look-up of the name can give another.
        allowed(origin, str(address[0]))
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(deadline) / after)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class Connection:
    """One connection, which gives up in time; `used` is whether it has brought an answer."""

    def __init__(self, origin: Origin, limits: Limits, sock: socket.socket) -> None:
        self._origin = origin
        self._limits = limits
        self._socket = sock
        self.used = False

    def close(self) -> None:
        """Close it; it is not used again."""
        self._socket.close()

    @property
    def quiet(self) -> bool:
        """Whether nothing came unasked, such as the end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def talk(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[Response, bool]:
        """The answer to one request, and whether the connection is good for another.

        Raises NoAnswerError and RefusedError.
        """
        deadline = time.monotonic() + self._limits.whole
        unsent: ConnectionError | None = None
        step = Step.SEND
        try:
            unsent = _send(self._socket, _head(self._origin, method, target, headers, body) + (body or b""), deadline)
            step = Step.ANSWER
            response, whole = self._answer(method, limit, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause, step = (unsent, Step.SEND) if unsent else (error, step)
            raise NoAnswerError(self._origin, step, cause, reused=self.used) from error
        self.used = True
        return response, whole and unsent is None

    def _answer(self, method: str, limit: int, deadline: float) -> tuple[Response, bool]:
        answer = http.client.HTTPResponse(self._socket, method=method)
        answer.fp = io.BufferedReader(_Timed(self._socket, answer.fp.detach(), deadline, self._limits.silence))
        try:
            answer.begin()
            headers = Headers(answer.getheaders())
            body = _body(answer, headers, method, limit)
            whole = answer.isclosed() and not answer.will_close
        finally:
            answer.close()
        return Response(answer.status, headers, body, self._origin), whole


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
