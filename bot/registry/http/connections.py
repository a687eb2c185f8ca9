"""Kept connections, to the servers that a registry's requests lead to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

from urllib3 import HTTPConnectionPool, Timeout, exceptions

from bot import __version__
from bot.network.connection import BoundedPool, BoundedTLSPool, Limits, RefusedError
from bot.registry.addresses import Address, Origin, Reach, reach_of
from bot.registry.http.answers import NoAnswerError, Response
from bot.registry.http.bodies import read_body

# Encodings would have to be unpacked, and what is unpacked can be of any size.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"promobot/{__version__}"}
# Servers beside home to which connections are kept: who redirects each request to another one gets no more.
_ELSEWHERE = 16


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
        self._pools: dict[Origin, HTTPConnectionPool] = {}
        self._reach: Reach | None = None
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
            return Response(answer.status, answer.headers, read_body(answer, limit), origin)
        except exceptions.HTTPError as error:
            raise NoAnswerError(origin, error) from error
        except ValueError as error:  # of http.client, which sends no header of more than a line
            raise RefusedError("what was to be sent there is no HTTP") from error

    def _pool(self, origin: Origin) -> HTTPConnectionPool:
        with self._lock:
            pool = self._pools.pop(origin, None) or self._make_pool(origin)
            # The last one used is the last one here; what is left out closes when nobody uses it any more.
            elsewhere = [other for other in self._pools if other != self.home]
            if origin != self.home and len(elsewhere) >= _ELSEWHERE:
                del self._pools[elsewhere[0]]
            self._pools[origin] = pool
            return pool

    def _make_pool(self, origin: Origin) -> HTTPConnectionPool:
        limits = self._limits
        settings: dict[str, Any] = {
            "timeout": Timeout(connect=limits.connect, read=limits.silence),
            "maxsize": self._kept,
            "limits": limits,
            "allowed": partial(self._allowed, origin),
            "reached": partial(self._reached, origin),
        }
        if origin.scheme == "https":
            return BoundedTLSPool(origin.host, origin.port, ssl_context=self._trust(), **settings)
        return BoundedPool(origin.host, origin.port, **settings)

    def _allowed(self, origin: Origin, ip: str) -> None:
        """Before connecting: none of the addresses of a server that home names may be one that it must not lead to."""
        if origin != self.home:
            self._judge(origin, ip)

    def _reached(self, origin: Origin, ip: str) -> None:
        """Of home counts where it was come to first, not what else its name means, or is changed to."""
        if origin == self.home and self._reach is None:
            self._reach = reach_of(ip)
        self._judge(origin, ip)

    def _judge(self, origin: Origin, ip: str) -> None:
        reach = reach_of(ip)
        if reach is not Reach.ANYWHERE and reach is not self._reach:
            raise RefusedError(f"{origin} is an address of {reach.value} ({ip})")
