"""How to reach one configured registry."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.registry.addresses import Address, Origin, same_site

_HIDDEN = "…"
# What base64 and its variant for URLs are written in; shorter than this, nothing worth hiding is in it.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
# Half characters that stand for no byte.
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_RUN = re.compile(rb"\x00+|\x01+")


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
    """The text without a secret, in clear or encoded as above; an empty secret is none.

    In linear time, whatever is in both: neither need be ours.
    """
    if not secret:
        return text
    content, wanted = _bytes(_NO_BYTES.sub("\ufffd", text)), _bytes(secret)
    hidden = bytearray(len(content))
    for decoded, places in _readings(content):
        at = decoded.find(wanted)
        while at >= 0:
            start, end = places[at], places[at + len(wanted)]
            hidden[start:end] = b"\x01" * (end - start)
            at = decoded.find(wanted, at + len(wanted))
    shown = b"".join(
        _HIDDEN.encode() if hidden[start] else content[start:end]
        for start, end in (run.span() for run in _RUN.finditer(hidden))
    )
    text = shown.decode("utf-8", "surrogateescape")
    return _BASE64.sub(lambda run: _HIDDEN if _holds(run[0], secret) else run[0], text)


def _readings(content: bytes) -> Iterator[tuple[bytes, Sequence[int]]]:
    """The text as it is, and read as one of URLs, forms and JSON; with where each byte of it begins in the text."""
    yield content, range(len(content) + 1)
    for escape, plain in _ESCAPES:
        decoded, places, done = bytearray(), list[int](), 0
        for found in escape.finditer(content):
            byte = plain(found[0])
            decoded += content[done : found.start()] + byte
            places += [*range(done, found.start()), *([found.start()] * len(byte))]
            done = found.end()
        if done:
            yield bytes(decoded + content[done:]), [*places, *range(done, len(content) + 1)]


def _of_url(escape: bytes) -> bytes:
    return b" " if escape == b"+" else bytes.fromhex(escape[1:].decode("ascii"))


def _of_json(escape: bytes) -> bytes:
    try:
        return _bytes(json.loads(b'"%b"' % escape))
    except ValueError:  # no escape, or half a character
        return escape


_ESCAPES: tuple[tuple[re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    (re.compile(rb"%[0-9a-fA-F]{2}"), _of_url),
    (re.compile(rb"%[0-9a-fA-F]{2}|\+"), _of_url),
    (re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]"), _of_json),
)


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
