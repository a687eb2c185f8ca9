"""How to reach one configured registry."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Login:
    """A user name and password (for cloud registries: the literal user and the short-lived token)."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """What HTTP basic authentication sends, and container tools keep as `auth`: base64 of `username:password`."""
        return base64.b64encode(f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")).decode()

    def redact(self, text: str) -> str:
        """The text without the password, in clear or as sent: a server's error may repeat the request."""
        for secret in filter(None, (self.basic, self.password)):
            text = text.replace(secret, "…")
        return text


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
