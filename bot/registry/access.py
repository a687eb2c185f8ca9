"""How to reach one configured registry."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.registry.addresses import Address, Origin

_HIDDEN = "…"
# What base64 and its variant for URLs are written in; shorter than this, nothing worth hiding is in it.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
# Characters of a secret that are looked for before all of it is.
_BEGINNING = 16


@dataclass(frozen=True)
class Login:
    """A user name and password (for cloud registries: the literal user and the short-lived token)."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """What HTTP basic authentication sends, and container tools keep as `auth`: base64 of `username:password`."""
        return base64.b64encode(_bytes(f"{self.username}:{self.password}")).decode()

    def redact(self, text: str) -> str:
        """The text without the password, in clear, encoded for URLs or JSON, or in base64 (with what is around it).

        A server's error may repeat the request.
        """
        return redact(text, self.password)


def redact(text: str, secret: str) -> str:
    """The text without a secret, in clear or encoded as above; an empty secret is none."""
    if not secret:
        return text
    # To compile all of a long token takes half a second, and hardly any text has even its beginning.
    if _spelled(secret[:_BEGINNING]).search(text):
        text = _spelled(secret).sub(_HIDDEN, text)
    return _BASE64.sub(lambda run: _HIDDEN if _holds(run[0], secret) else run[0], text)


@lru_cache(maxsize=64)
def _spelled(secret: str) -> re.Pattern[str]:
    return re.compile("".join(_spellings(char) for char in secret))


def _spellings(char: str) -> str:
    """A character as it is, percent-encoded, or escaped as in JSON."""
    percent = "".join(f"%{byte:02x}" for byte in _bytes(char))
    ways = {char, json.dumps(char)[1:-1]} | ({"+"} if char == " " else set())
    return f"(?:{'|'.join(re.escape(way) for way in ways)}|(?i:{percent}|{_unicode_escape(char)}))"


def _unicode_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(rf"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def _holds(run: str, secret: str) -> bool:
    """Whether a run of base64 letters, from one of its first four on, is an encoding of something with the secret."""
    letters = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = letters[start:]
        try:
            decoded = base64.b64decode(part[: len(part) - (len(part) % 4 == 1)] + "==")
        except binascii.Error:
            continue
        if _bytes(secret) in decoded:
            return True
    return False


def _bytes(text: str) -> bytes:
    # Passwords are bytes, that mostly are UTF-8.
    return text.encode("utf-8", "surrogateescape")


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
