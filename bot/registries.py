"""The registries of one run: clients by the names that the configuration gives, or of any other host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock

from bot.config import RegistryConfig
from bot.credentials import login_for
from bot.images import DOCKER_HUB, DOCKER_HUB_ENDPOINT
from bot.network.pace import Pace
from bot.registry import RegistryAccess, RegistryClient

# Docker Hub's tokens come from a host of its own site.
_HUB_TOKENS = "auth.docker.io"


@dataclass(frozen=True)
class Registries:
    """Each client is made when it is first needed and kept for the run; threads may share it.

    `environ` is where secrets named by the configuration are looked up. What talks to one endpoint shares one pace,
    whatever the names that lead there.
    """

    configured: Mapping[str, RegistryConfig]
    environ: Mapping[str, str]
    _clients: dict[tuple[str, bool], RegistryClient] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def client(self, name: str) -> RegistryClient:
        """A reader of the registry of that name. Raises ConfigError where its login is missing."""
        with self._lock:
            if (name, True) not in self._clients:
                self._clients[name, True] = self._open(self._access(name))
            return self._clients[name, True]

    def anonymous(self, host: str) -> RegistryClient:
        """A reader of any registry, by https and without a login."""
        with self._lock:
            if (host, False) not in self._clients:
                hub = host == DOCKER_HUB
                endpoint, tokens = (DOCKER_HUB_ENDPOINT, (_HUB_TOKENS,)) if hub else (host, ())
                self._clients[host, False] = self._open(RegistryAccess(host, host, endpoint, token_hosts=tokens))
            return self._clients[host, False]

    def stranger(self, name: str) -> RegistryClient:
        """A reader of the registry of that name that doesn't log in, to learn whether a login matters."""
        return self._open(replace(self.client(name).access, login=None))

    def close(self) -> None:
        """Close the kept connections. Waits for nobody: a thread may still be at a password that is a pipe."""
        for client in tuple(self._clients.values()):
            client.close()

    def _open(self, access: RegistryAccess) -> RegistryClient:
        pace = self._paces.setdefault(access.endpoint, Pace(self._concurrency(access)))
        return RegistryClient(access, pace=pace)

    def _concurrency(self, access: RegistryAccess) -> int:
        """The least that anybody says of the endpoint."""
        return min(
            (one.concurrency for one in self.configured.values() if one.address == access.endpoint),
            default=access.concurrency,
        )

    def _access(self, name: str) -> RegistryAccess:
        registry = self.configured[name]
        return RegistryAccess(
            name=name,
            host=registry.host,
            endpoint=registry.address,
            plain_http=registry.plain_http,
            ca_file=registry.ca_file,
            login=login_for(name, registry, self.environ),
            token_hosts=registry.token_hosts,
            concurrency=registry.concurrency,
        )
