"""Bearer tokens: what a registry's challenge asks for, where it may come from, and keeping it while it is good.

Protocol: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlencode

from bot.errors import RegistryError
from bot.registry.addresses import Address
from bot.registry.errors import Place, check_login, of_login
from bot.registry.http.answers import Response

# https://www.rfc-editor.org/rfc/rfc6750#section-2.1, and whatever else a header can hold on one line.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_BEARER = re.compile(r"(?:^|,)\s*bearer\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'\s*,?\s*(\w+)=(?:"([^"]*)"|([^\s",]+))')
_STRING = re.compile(r'"[^"]*"')
_LONGEST = 8192
# Seconds: what the protocol says of a token that does not say how long it is good, and how long before it is renewed.
_GOOD_FOR = 60
_GOOD_FOR_AT_MOST = 24 * 3600
_EARLIER = 10.0


@dataclass(frozen=True)
class Challenge:
    """A `WWW-Authenticate: Bearer` challenge; `realm` is where tokens come from."""

    realm: Address
    service: str
    scope: str

    @property
    def address(self) -> Address:
        """Where to get a token that answers it; each of several scopes is a parameter of its own."""
        wanted = [("service", self.service), *(("scope", scope) for scope in self.scope.split(" "))]
        query = urlencode([(name, value) for name, value in wanted if value])
        joint = "&" if "?" in self.realm.target else "?"
        return Address(self.realm.origin, f"{self.realm.target}{joint}{query}") if query else self.realm


@dataclass(frozen=True)
class Token:
    """What a token server grants: the token, and until when to use it (on the monotonic clock)."""

    text: str = field(repr=False)
    until: float


def parse_challenge(header: str, place: Place) -> Challenge | None:
    """Read the Bearer challenge among those of a `WWW-Authenticate` header; None if there is none.

    Raises RegistryError where the realm is not one that the credentials may be sent to.
    """
    header = header[:_LONGEST]
    # Other schemes may come first, and their quoted strings may say anything.
    found = _BEARER.search(_STRING.sub(lambda string: "_" * len(string[0]), header))
    if found is None:
        return None
    parameters = _parameters(header[found.end() :])
    said = parameters.get("realm", "")
    try:
        realm = Address.parse(said)
    except ValueError:
        raise _untrusted(place, repr(said.partition("?")[0][:200]), "which is no address") from None
    why = place.access.distrust(realm.origin)
    if why:
        raise _untrusted(place, str(realm.origin), why)
    scopes = sorted(_in_order(scope) for scope in parameters.get("scope", "").split())
    return Challenge(realm, parameters.get("service", ""), " ".join(scopes))


def _in_order(scope: str) -> str:
    """Registries name several scopes, and the actions of one, in any order: the same wish, and the same token."""
    resource, colon, actions = scope.rpartition(":")
    return f"{resource}{colon}{','.join(sorted(actions.split(',')))}"


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    at = 0
    while found := _PARAMETER.match(text, at):
        parameters.setdefault(found[1].lower(), found[2] or found[3] or "")
        at = found.end()
    return parameters


def _untrusted(place: Place, realm: str, why: str) -> RegistryError:
    return RegistryError(
        f"{place}: it wants a token from {realm}, {why}",
        hint=f"check the address of registry {place.access.name}; if that is where its tokens come from, say so in its"
        " token_hosts",
    )


def parse_token(response: Response, place: Place, began: float) -> Token:
    """The token in a token server's answer to what was asked at the time `began`. Raises RegistryError."""
    if response.status != 200:
        raise _refused(response, place)
    try:
        answer = json.loads(response.body)
        text = answer.get("token") or answer.get("access_token")
        good_for = answer.get("expires_in")
    except (ValueError, AttributeError, RecursionError):
        text = good_for = None
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise RegistryError(
            f"{place}: its token server {response.origin} answers without a token",
            hint="run again, or ask its operator",
        )
    seconds = min(good_for, _GOOD_FOR_AT_MOST) if isinstance(good_for, int) and good_for > 0 else _GOOD_FOR
    return Token(text, began + max(seconds - _EARLIER, seconds / 2))


def _refused(response: Response, place: Place) -> RegistryError:
    server = f"its token server {response.origin}"
    if response.status in {401, 403}:
        what = "does not accept the credentials" if place.access.login else "wants credentials, and none are configured"
        where = of_login(place) if response.status == 401 else place
        return RegistryError(
            f"{where}: {server} {what} (HTTP {response.status})",
            hint=check_login(place.access),
        )
    return RegistryError(
        f"{place}: {server} answers HTTP {response.status}", hint="run again when it is well, or ask its operator"
    )


class Tokens:
    """The tokens of one registry, each kept for what it was asked for; threads may share it.

    Threads that want the same token at the same time make one request, and share what comes of it.
    """

    def __init__(self, fetch: Callable[[Challenge, Place], Token], *, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: dict[Challenge, Future[Token]] = {}
        self._lock = Lock()

    def get(self, challenge: Challenge, place: Place, *, refused: str = "") -> str:
        """A token that answers the challenge, and is not the one that the registry has `refused`.

        Raises RegistryError where there is none.
        """
        with self._lock:
            held = self._held.get(challenge)
            mine = held is None or (held.done() and not self._good(held, refused))
            if held is None or mine:
                held = self._held[challenge] = Future()
        if mine:
            self._fulfil(held, challenge, place)
        return held.result().text

    def _good(self, held: Future[Token], refused: str) -> bool:
        if held.exception() is not None:
            return False
        token = held.result()
        return token.text != refused and self._clock() < token.until

    def _fulfil(self, held: Future[Token], challenge: Challenge, place: Place) -> None:
        try:
            held.set_result(self._fetch(challenge, place))
        except RegistryError as error:
            held.set_exception(error)
            raise
        finally:
            if not held.done():  # an interrupt: nobody else is to wait for ever
                held.set_exception(RegistryError(f"{place}: no token, since this was interrupted", hint="run again"))
