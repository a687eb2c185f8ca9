"""Kept connections, to the servers that a registry's requests lead to."""

from __future__ import annotations

import ssl
import time
import weakref
from collections.abc import Callable, Mapping
from threading import Lock

from bot.registry.addresses import Address, Origin, Reach, reach_of
from bot.registry.answers import RefusedError, Response
from bot.registry.connection import Connection, Limits, connect

# Seconds. What load balancers in between forget first: a connection that was idle for longer is not trusted again.
_KEPT = 50.0


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
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._reach = Reach.ANYWHERE
        self._lock = Lock()
        # Whoever forgets to close: sockets that are collected open are warned about.
        weakref.finalize(self, _close, self._idle)

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            _close(self._idle)

    def exchange(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None = None, *, limit: int
    ) -> Response:
        """Send one request and read its answer, of `limit` bytes at most. Raises NoAnswerError and RefusedError."""
        origin = address.origin
        connection = self._take(origin) or self._new(origin)
        whole = False
        try:
            response, whole = connection.talk(method, address.target, headers, body, limit)
        finally:
            if whole:
                self._keep(origin, connection)
            else:
                connection.close()
        return response

    def _new(self, origin: Origin) -> Connection:
        tls = self._trust() if origin.scheme == "https" else None
        return Connection(origin, self._limits, connect(origin, self._limits, tls, self._allowed))

    def _allowed(self, origin: Origin, ip: str) -> None:
        reach = reach_of(ip)
        if origin == self.home:
            self._reach = reach
        elif reach is not Reach.ANYWHERE and reach is not self._reach:
            raise RefusedError(f"{origin} is an address of {reach.value} ({ip})")

    def _take(self, origin: Origin) -> Connection | None:
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

    def _keep(self, origin: Origin, connection: Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if len(idle) < self._kept:
                idle.append((time.monotonic(), connection))
                return
        connection.close()


def _close(idle: dict[Origin, list[tuple[float, Connection]]]) -> None:
    for connections in idle.values():
        for _, connection in connections:
            connection.close()
    idle.clear()
