"""Kept connections, to the servers that a registry's requests lead to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

from urllib3 import HTTPConnectionPool, Timeout, exceptions

from bot import __version__
from bot.registry.addresses import Address, Origin, Reach, reach_of
from bot.registry.http.answers import NoAnswerError, RefusedError, Response
from bot.registry.http.connection import BoundedPool, BoundedTLSPool, Limits, read_body

# Encodings would have to be unpacked, and what is unpacked can be of any size.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"promobot/{__version__}"}


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
            return Response(answer.status, answer.headers, read_body(answer, limit), origin)
        except exceptions.HTTPError as error:
            raise NoAnswerError(origin, error) from error
        except ValueError as error:  # of http.client, which sends no header of more than a line
            raise RefusedError("what was to be sent there is no HTTP") from error

    def _pool(self, origin: Origin) -> HTTPConnectionPool:
        with self._lock:
            if origin not in self._pools:
                self._pools[origin] = self._make_pool(origin)
            return self._pools[origin]

    def _make_pool(self, origin: Origin) -> HTTPConnectionPool:
        limits = self._limits
        settings: dict[str, Any] = {
            "timeout": Timeout(connect=limits.connect, read=limits.silence),
            "maxsize": self._kept,
            "limits": limits,
            "allowed": partial(self._allowed, origin),
        }
        if origin.scheme == "https":
            return BoundedTLSPool(origin.host, origin.port, ssl_context=self._trust(), **settings)
        return BoundedPool(origin.host, origin.port, **settings)

    def _allowed(self, origin: Origin, ip: str) -> None:
        reach = reach_of(ip)
        if origin == self.home:
            self._reach = reach
        elif reach is not Reach.ANYWHERE and reach is not self._reach:
            raise RefusedError(f"{origin} is an address of {reach.value} ({ip})")
