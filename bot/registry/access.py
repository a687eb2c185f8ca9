"""How to reach one configured registry."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from bot.network.redaction import in_bytes, redact
from bot.registry.addresses import Address, Origin, same_site


@dataclass(frozen=True)
class Login:
    """A user name and password (for cloud registries: the literal user and the short-lived token)."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """What HTTP basic authentication sends, and container tools keep as `auth`: base64 of `username:password`."""
        return base64.b64encode(in_bytes(f"{self.username}:{self.password}")).decode()

    def redact(self, text: str) -> str:
        """The text without the password, in clear, encoded for URLs or JSON, or in base64 (with what is around it).

        A server's error may repeat the request.
        """
        return redact(text, self.password)


@dataclass(frozen=True)
class RegistryAccess:
    """Where a registry is and how to be let in.

    `name` is what the configuration calls it, `host` what manifests write before a repository, `endpoint` the
    `host[:port]` to connect to, which may be another. Where this package takes a `repository`, it means the
    whole path below the host, the prefix that the configuration may name for the registry included. `token_hosts`
    are hosts (`host` or `host:port`) of other sites that its tokens may come from, `concurrency` is how many requests
    the endpoint gets at a time.
    """

    name: str
    host: str
    endpoint: str
    plain_http: bool = False
    ca_file: Path | None = None
    login: Login | None = None
    token_hosts: tuple[str, ...] = ()
    concurrency: int = 16

    @property
    def url(self) -> str:
        """Scheme and endpoint, without a slash at the end."""
        return f"{'http' if self.plain_http else 'https'}://{self.endpoint}"

    @property
    def origin(self) -> Origin:
        """Whom to connect to. Raises ValueError if the endpoint is no address."""
        return Address.parse(self.url).origin

    def distrust(self, other: Origin) -> str:
        """Why the login may not go to a server that the registry names; empty if it may.

        It goes by https, or in the clear to the one host that the configuration allows that for.
        """
        home = self.origin
        if other.scheme != "https" and not (self.plain_http and other.host == home.host):
            return "which is neither https nor the same host"
        named = other.host in self.token_hosts or other.netloc in self.token_hosts
        if named or same_site(other.host, home.host):
            return ""
        return f"which is neither of the same site as {home.host} nor configured"
