"""HTTP requests to one registry: credentials, redirects, retries, at the pace that its endpoint wants."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import parse_qs

from bot.errors import ConfigError, RegistryError
from bot.network.connection import Limits, RefusedError
from bot.network.pace import Pace
from bot.network.redaction import redact
from bot.network.tries import Tries, pause_after
from bot.network.trust import trusting
from bot.registry.access import RegistryAccess
from bot.registry.addresses import Address
from bot.registry.errors import Place, of_status
from bot.registry.http.answers import NoAnswerError, Response
from bot.registry.http.connections import Connections
from bot.registry.http.failures import of_elsewhere, of_failure
from bot.registry.http.redirects import redirected, shown
from bot.registry.http.tokens import Challenge, Token, Tokens, parse_challenge, parse_token

__all__ = ["API_VERSION", "Request", "Response", "Transport"]

_log = logging.getLogger(__name__)

# Most registries send it with every answer: https://distribution.github.io/distribution/spec/api/#api-version-check
API_VERSION = "Docker-Distribution-Api-Version"
# The specification lets registries refuse manifests above 4 MiB; nothing that we read is larger.
_LARGEST_BODY = 8 * 1024 * 1024
_LARGEST_TOKEN = 1024 * 1024
# What needs no reading as a reference: no scheme, no host.
_BELOW = re.compile(r"(?:(?!https?:)[a-z0-9_][\x21\x24-\x7e]*)?", re.ASCII)


@dataclass(frozen=True)
class Request:
    """What is asked of a registry: `path` is below `/v2/`, or the whole address that the registry gave.

    `place` is what the request is about, for messages. What is `repeatable` may be sent again where its failure may
    pass; a write of a tag is not, since somebody else may have written it meanwhile. `limit` is the most bytes that
    an answer may have.
    """

    method: str
    path: str
    place: Place
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True
    limit: int = _LARGEST_BODY

    @property
    def write(self) -> bool:
        """Whether it changes something at the registry."""
        return self.method not in {"GET", "HEAD"}

    @property
    def rights(self) -> tuple[str, str, str]:
        """What it takes a token for: another repository, another kind of request, and where a blob is mounted from."""
        source = parse_qs(self.path.partition("?")[2]).get("from", [""])[0] if self.method == "POST" else ""
        return self.place.repository, self.method if self.write else "read", source


class Transport:
    """Sends requests to one registry; threads may share it."""

    def __init__(
        self, access: RegistryAccess, *, timeout: float, sleep: Callable[[float], None], pace: Pace | None = None
    ) -> None:
        """`timeout` is how long a server may say nothing, in seconds.

        Raises ConfigError where the endpoint is no address, or the authority's file cannot be read.
        """
        self.access = access
        self._sleep = sleep
        self._home = _home(access)
        trust = partial(trusting, access.ca_file, f"registry {access.name}")
        if not access.plain_http:
            trust()
        self._connections = Connections(self._home.origin, Limits.of(timeout), trust, kept=access.concurrency)
        self._pace = pace or Pace(access.concurrency, sleep=sleep)
        # A token server is a host of its own, with limits of its own.
        self._token_pace = Pace(access.concurrency, sleep=sleep)
        self._tokens = Tokens(self._fetch, clock=time.monotonic)
        self._challenges: dict[tuple[str, str, str], Challenge] = {}

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    def send(self, request: Request) -> Response:
        """The answer to a request, sent again where that may help.

        Raises UnansweredError where no answer came; StatusError for the statuses 401, 403, 408, 429 and 5xx except 501,
        and for every refusal of a server that the registry sent us to; else RegistryError where it is refused by us.
        """
        response = self._persist(request, self._pace, self._authorized)
        if response.origin != self._home.origin:
            # Only a registry's "not found" is one.
            if response.status >= 400 and (response.status != 404 or API_VERSION not in response.headers):
                raise of_elsewhere(request.place, response)
        elif response.may_pass or response.status in {401, 403}:
            known = "insufficient_scope" in response.headers.get("WWW-Authenticate", "")
            raise of_status(request.place, response.status, response.body, known=known and bool(self.access.login))
        return response

    def _persist(self, request: Request, pace: Pace, once: Callable[[Request], Response]) -> Response:
        """What comes of a request in the end, be it a refusal. Raises RegistryError where no answer came."""
        if isinstance(failure := pace.silence, NoAnswerError):
            raise of_failure(request.place, failure) from failure
        # Not a write of a tag, even if the limit came first: who waits may not be first any more.
        tries = Tries(request.place, request.repeatable, pace, self._sleep, patient=request.repeatable)
        while True:
            try:
                response = once(request)
            except NoAnswerError as error:
                if not tries.again_without(error, error.trouble, may_pass=error.cut):
                    raise of_failure(request.place, error) from error
            else:
                if not tries.again_after(response.status, pause_after(response.status, response.headers)):
                    return response

    def _authorized(self, request: Request) -> Response:
        """Send with the credentials that fit; where the registry wants a (new) token, get it and send once more."""
        address = self._address(request)
        known = self._challenges.get(request.rights)
        token = self._tokens.get(known, request.place) if known else ""
        response = self._follow(request, address, f"Bearer {token}" if token else self._basic())
        # Whom the registry redirects to is not who our credentials are for, nor who may say where to send them.
        if response.status == 401 and response.origin == self._home.origin:
            challenge = parse_challenge(response.headers.get("WWW-Authenticate", ""), request.place)
            if challenge is not None:
                token = self._tokens.get(challenge, request.place, refused=token)
                self._challenges[request.rights] = challenge
                response = self._follow(request, address, f"Bearer {token}")
        return _without(response, token)

    def _address(self, request: Request) -> Address:
        if _BELOW.fullmatch(request.path):
            return Address(self._home.origin, f"/v2/{request.path}")
        try:
            address = self._home.join(request.path)
        except ValueError:
            raise RegistryError(f"{request.place}: {request.path[:200]!r} is no address") from None
        if address.origin != self._home.origin:
            raise RegistryError(
                f"{request.place}: the answer leads to {address.origin}, which promobot's credentials are not for",
                hint=f"check the address of registry {self.access.name} in the configuration",
            )
        return address

    def _follow(self, request: Request, address: Address, authorization: str) -> Response:
        """Send and follow redirects, to other servers without credentials; the whole way is one turn."""
        headers = {**request.headers, "Authorization": authorization} if authorization else request.headers
        way = [address]
        with self._pace.turn(request.place):
            while True:
                response = self._exchange(request, way[-1], headers)
                target = redirected(request.place, request.method, response, way)
                if target is None:
                    return response
                if target.origin != way[-1].origin:
                    headers = request.headers
                way.append(target)

    def _exchange(self, request: Request, address: Address, headers: Mapping[str, str]) -> Response:
        try:
            response = self._connections.exchange(request.method, address, headers, request.body, limit=request.limit)
        except RefusedError as error:
            raise RegistryError(
                f"{request.place}: refused, {error}", hint=f"ask who runs registry {self.access.name}"
            ) from error
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s: HTTP %d", request.method, shown(address), response.status)
        return response

    def _fetch(self, challenge: Challenge, place: Place) -> Token:
        request = Request("GET", "", place, _authorization(self._basic()), limit=_LARGEST_TOKEN)

        def ask(request: Request) -> Response:
            with self._token_pace.turn(place):
                return self._exchange(request, challenge.address, request.headers)

        began = time.monotonic()
        return parse_token(self._persist(request, self._token_pace, ask), place, began)

    def _basic(self) -> str:
        login = self.access.login
        # In UTF-8: https://www.rfc-editor.org/rfc/rfc7617#section-2.1
        return f"Basic {login.basic}" if login else ""


def _home(access: RegistryAccess) -> Address:
    """Where everything of the registry's API is below."""
    try:
        return Address(access.origin, "/v2/")
    except ValueError as error:
        raise ConfigError(
            f"registry {access.name}: {access.endpoint!r} is no address", hint="host or host:port"
        ) from error


def _without(response: Response, token: str) -> Response:
    """A refusal may repeat the request, as far as words of it are shown."""
    if not token or response.status < 400 or not response.body:
        return response
    text = redact(response.body.decode(errors="surrogateescape"), token)
    return replace(response, body=text.encode(errors="surrogateescape"))


def _authorization(value: str) -> dict[str, str]:
    return {"Authorization": value} if value else {}
