"""How PyGithub's requests are sent: by the adapter of every forge, with GitHub's pauses, and by threads at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Any

import requests
from github.Auth import Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester, RequestsResponse
from requests import PreparedRequest, Response
from typing_extensions import override

from bot.errors import ForgeError
from bot.forges.access import ForgeAccess
from bot.forges.errors import Asked
from bot.forges.github.dialect import GitHubDialect, pause_of
from bot.forges.sending import ForgeAdapter
from bot.network.pace import Pace

_READS = frozenset({"GET", "HEAD"})
_LARGEST_PAGE = 100


class Spacing:
    """At least so many seconds from one write to the next, whoever makes it; threads may share it."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._next = float("-inf")

    def wait(self) -> None:
        """Until it is the caller's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._seconds
        if turn > now:
            self._sleep(turn - now)


class GitHubAdapter(ForgeAdapter):
    """The adapter of every forge, with what GitHub wants besides: pauses of its own kind, and writes that stand apart.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """

    def __init__(
        self, access: ForgeAccess, pace: Pace, writes: Spacing, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(access, GitHubDialect(), pace, sleep=sleep)
        self._writes = writes

    def hide(self, token: str) -> None:
        """What is sent from now on, and so must not be told."""
        self._access = replace(self._access, token=token)

    def send(self, request: PreparedRequest, *args: Any, **settings: Any) -> Response:
        """The answer to one request, read to its end."""
        if _changes(request):
            self._writes.wait()
        return super().send(request, *args, **settings)

    def _pause_after(self, response: Response, content: object) -> float | None:
        if response.status_code < 400:
            return None
        limited = self._dialect.limited(response.status_code, response.headers, content)
        return pause_of(response.headers, time.time()) if limited else None

    def _accepted(self, asked: Asked, response: Response, content: object) -> Response:
        # PyGithub would follow it without the query, so that it would read another list.
        if response.is_redirect or response.is_permanent_redirect:
            where = response.headers.get("Location", "").partition("?")[0]
            raise ForgeError(
                f"{asked}: moved, to {where} (HTTP {response.status_code})",
                hint="the repository has another name by now: write that into the configuration",
            )
        return super()._accepted(asked, response, content)


def _changes(request: PreparedRequest) -> bool:
    """Whether a request changes something; GraphQL's reads are POST, too."""
    body = request.body if isinstance(request.body, str) else ""
    query = (request.url or "").endswith("/graphql") and body.startswith('{"query": "query')
    return request.method not in _READS and not query


def open_session(adapter: ForgeAdapter) -> requests.Session:
    """A session that sends by the adapter alone, and brings nothing of its own: no login of ~/.netrc, no cookie."""
    session = requests.Session()
    session.auth = Requester.noopAuth
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


class OurRequester(Requester):
    """PyGithub's way to the API, by a session of ours. Threads may share it, as they may not share PyGithub's own.

    Its retries and pauses are off: they would repeat writes, and know nothing of other threads.
    """

    def __init__(self, api: str, auth: Auth, session: requests.Session, *, version: str | None) -> None:
        """`api` is the API's root, without a slash at the end."""
        super().__init__(
            auth=auth,
            base_url=api,
            timeout=0,  # the adapter's own
            user_agent="promobot",
            per_page=_LARGEST_PAGE,
            verify=True,
            retry=None,
            pool_size=None,
            api_version=version,
        )
        self._session = session
        self._origin = "/".join(api.split("/", 3)[:3])

    @override
    def requestJson(
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: object = None,
        cnx: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        """Send one request. Raises what the adapter raises."""
        ours = _Connection(self._session, self._origin)
        return super().requestJson(verb, url, parameters, headers, input, cnx or ours, follow_302_redirect)

    @property
    def _logger(self) -> logging.Logger:
        return _SILENT


# At level DEBUG, PyGithub would log whole answers, those that hold a token included.
_SILENT = logging.Logger("PyGithub", logging.CRITICAL)


class _Connection(HTTPSRequestsConnectionClass):
    """One request. PyGithub keeps it in its connection between two calls, so that each request gets one."""

    def __init__(self, session: requests.Session, origin: str) -> None:
        self.session = session
        self._origin = origin

    def getresponse(self) -> RequestsResponse:
        """Send what was asked for before."""
        url = f"{self._origin}{self.url}"
        answer = self.session.request(self.verb, url, headers=self.headers, data=self.input, allow_redirects=False)
        return RequestsResponse(answer)
