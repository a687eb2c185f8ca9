"""HTTP requests to one registry: kept connections, time limits, credentials, redirects, retries."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as http

from bot.errors import ConfigError, RegistryError
from bot.registry.access import RegistryAccess
from bot.registry.errors import Place, cut, of_failure, of_status
from bot.registry.pace import Pace
from bot.registry.retry import ATTEMPTS, may_pass, pause
from bot.registry.tokens import Challenge, parse_challenge, parse_token

_log = logging.getLogger(__name__)

_CONNECT_WITHIN = 10.0
_LONGEST_PAUSE = 60.0
_REDIRECTS = 3
_REDIRECT = frozenset({301, 302, 303, 307, 308})
# The specification lets registries refuse manifests above 4 MiB; nothing that we read is larger.
_LARGEST_BODY = 8 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What is asked of a registry: `path` is below `/v2/`, or the whole address that the registry gave.

    `place` is what the request is about, for messages. What is `repeatable` may be sent again where its failure may
    pass; a write of a tag is not, since somebody else may have written it meanwhile.
    """

    method: str
    path: str
    place: Place
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True


@dataclass(frozen=True)
class Response:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    origin: tuple[str, str]

    @property
    def media_type(self) -> str:
        """What the answer says that it is, without parameters; empty where it does not."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return may_pass(self.status)


class Transport:
    """Sends requests to one registry; threads may share it."""

    def __init__(
        self, access: RegistryAccess, *, timeout: float, sleep: Callable[[float], None], pace: Pace | None = None
    ) -> None:
        self.access = access
        self._sleep = sleep
        self._pace = pace or Pace(access.concurrency, sleep=sleep)
        self._pool = urllib3.PoolManager(
            maxsize=access.concurrency,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(connect=min(_CONNECT_WITHIN, timeout), read=timeout),
            ssl_context=None if access.plain_http else _trust(access),
        )
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def send(self, request: Request) -> Response:
        """The answer to a request, sent three times at most where the failure may pass.

        Raises RegistryError where no answer came, and for the statuses 401, 403, 429 and 5xx.
        """
        place = request.place
        attempts = ATTEMPTS if request.repeatable else 1
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            wait = pause(attempt)
            try:
                response = self._authorized(request)
            except http.HTTPError as error:
                if last or not cut(error):
                    raise of_failure(place, error) from error
            else:
                asked = _retry_after(response)
                if not response.may_pass or last or asked > _LONGEST_PAUSE:
                    return _accepted(response, place)
                wait = max(wait, asked)
            _log.debug("%s: try %d failed, the next in %.1f s", place, attempt, wait)
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _authorized(self, request: Request) -> Response:
        """Send with the credentials that fit; where the registry wants a (new) token, get it and send once more."""
        url, place = urljoin(f"{self.access.url}/v2/", request.path), request.place
        with self._lock:
            token = self._tokens.get(place.repository)
        authorization = f"Bearer {token}" if token else self._basic()
        response = self._follow(request, url, _authorization(authorization))
        # Whom the registry redirects to is not who our credentials are for, nor who may say where to send them.
        if response.status != 401 or response.origin != _origin(url):
            return response
        challenge = parse_challenge(response.headers.get("WWW-Authenticate", ""), place)
        if challenge is None:
            return response
        answer = self._token(challenge)
        if answer.status != 200:
            # Nothing but these may come of it: a token server's 404 must never read as an absent image.
            return answer if answer.may_pass else Response(401, answer.headers, b"", answer.origin)
        token = parse_token(answer.body, place)
        with self._lock:
            self._tokens[place.repository] = token
        return self._follow(request, url, _authorization(f"Bearer {token}"))

    def _token(self, challenge: Challenge) -> Response:
        return self._once("GET", challenge.url, _authorization(self._basic()))

    def _basic(self) -> str:
        login = self.access.login
        if login is None:
            return ""
        # Not urllib3's own: it allows latin-1 only. https://www.rfc-editor.org/rfc/rfc7617#section-2.1
        return f"Basic {login.basic}"

    def _follow(self, request: Request, url: str, authorization: Mapping[str, str]) -> Response:
        """Send and follow redirects, to other hosts without credentials and never from https to http."""
        method, body, headers = request.method, request.body, {**request.headers, **authorization}
        response = self._once(method, url, headers, body)
        for _ in range(_REDIRECTS):
            target = self._target(url, response)
            downgrade = urlsplit(target).scheme != "https" and not self.access.plain_http
            if response.status not in _REDIRECT or target == url or downgrade:
                return response
            if _origin(target) != _origin(url):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
            response = self._once(method, url, headers, body)
        return response

    def _target(self, url: str, response: Response) -> str:
        try:
            return urljoin(url, response.headers.get("Location", ""))
        except ValueError as error:
            raise RegistryError(
                f"registry {self.access.name}: it redirects to what is no address",
                hint=f"is {self.access.endpoint} a registry? Check its address in the configuration",
            ) from error

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        answer = self._pool.request(method, url, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                # Before it is read: unpacked it could be of any size.
                answer.close()
                raise RegistryError(f"registry {self.access.name}: an answer in a compression that nobody asked for")
            body = answer.read(_LARGEST_BODY + 1)
            if len(body) > _LARGEST_BODY:
                answer.close()
                raise RegistryError(f"registry {self.access.name}: an answer of more than {_LARGEST_BODY} bytes")
        finally:
            answer.release_conn()
        return Response(answer.status, answer.headers, body, _origin(url))


def _accepted(response: Response, place: Place) -> Response:
    if response.may_pass or response.status in {401, 403}:
        raise of_status(place, response.status, response.body)
    return response


def _authorization(value: str) -> dict[str, str]:
    return {"Authorization": value} if value else {}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _retry_after(response: Response) -> float:
    """The seconds that the registry asks us to wait; 0 where it does not say, or gives a date."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def _trust(access: RegistryAccess) -> ssl.SSLContext:
    """The system's authorities and the registry's own, which is what skopeo trusts too."""
    context = ssl.create_default_context()
    if access.ca_file is not None:
        try:
            context.load_verify_locations(access.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"{access.ca_file}: the ca_file of registry {access.name} cannot be read: {error.strerror or error}",
                hint="it must be a PEM file with the authority's certificate",
            ) from error
    return context
