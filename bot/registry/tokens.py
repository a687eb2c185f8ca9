"""Bearer tokens: what a registry's challenge asks for, and fetching it.

Protocol: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from bot.errors import RegistryError
from bot.registry.access import RegistryAccess
from bot.registry.errors import Place

# https://www.rfc-editor.org/rfc/rfc6750#section-2.1, and whatever else a header can hold on one line.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Challenge:
    """A `WWW-Authenticate: Bearer` challenge; `realm` is where tokens come from."""

    realm: str
    service: str
    scope: str

    @property
    def url(self) -> str:
        """Where to get a token that answers it."""
        wanted = {"service": self.service, "scope": self.scope}
        query = urlencode({name: value for name, value in wanted.items() if value})
        joint = "&" if "?" in self.realm else "?"
        return f"{self.realm}{joint}{query}" if query else self.realm


def parse_challenge(header: str, place: Place) -> Challenge | None:
    """Read a challenge; None if it is for another scheme than Bearer.

    Raises RegistryError where the realm is not one that the credentials may be sent to.
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    parameters = dict(_PARAMETER.findall(rest))
    realm = parameters.get("realm", "")
    if not _trusted(realm, place.access):
        raise RegistryError(
            f"{place}: it wants a token from {realm.partition('?')[0]!r}, which is neither https nor the same host",
            hint=f"check the address of registry {place.access.name}",
        )
    return Challenge(realm, parameters.get("service", ""), parameters.get("scope", ""))


def _trusted(realm: str, access: RegistryAccess) -> bool:
    """Credentials go by https, or in the clear to the one host that the configuration allows that for."""
    try:
        url = urlsplit(realm)
    except ValueError:
        return False
    if url.scheme == "https":
        return bool(url.hostname)
    return url.scheme == "http" and access.plain_http and url.hostname == urlsplit(access.url).hostname


def parse_token(body: bytes, place: Place) -> str:
    """The token in a token server's answer; raises RegistryError if there is none."""
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RegistryError(f"{place}: its token server answers without a token", hint="run again, or ask its operator")
    return token
