"""How the libraries of the forges send their requests: within limits, at the forge's pace, with tries of our own.

Both python-gitlab and PyGithub stand on `requests`, so an adapter of it serves both: it sees each request by itself,
pages of a list included. Loaded with them alone, since `requests` takes a while.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import urljoin

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from bot.forges.access import ForgeAccess
from bot.forges.errors import Asked, of_elsewhere, of_page, of_status, of_trouble
from bot.network.connection import BoundedPool, BoundedTLSPool, Limits, RefusedError
from bot.network.failures import Trouble, distrust_of, trouble_of
from bot.network.pace import Pace
from bot.network.retry import asked_pause
from bot.network.tries import Tries
from bot.network.trust import trusting

_log = logging.getLogger(__name__)

_READS = frozenset({"GET", "HEAD"})
# What may pass by itself; a read may be sent again after it.
_PASSING = frozenset({Trouble.CUT, Trouble.SILENCE, Trouble.SLOW_CONNECTION})


class Dialect(Protocol):
    """What differs between forges in their refusals. `content` is a refusal's JSON, None where it is something else."""

    def said(self, content: object) -> tuple[str, ...]:
        """The texts in it."""
        ...

    def lacking(self, headers: Mapping[str, str], content: object) -> str:
        """What the token lacks, such as `scope api`; empty where it doesn't say."""
        ...

    def limited(self, status: int, headers: Mapping[str, str], content: object) -> bool:
        """Whether it limits the rate of requests; nothing was done then."""
        ...


class ForgeAdapter(HTTPAdapter):
    """Sends to one forge and nowhere else; threads may share it.

    Reads are sent again where their failure may pass, and everything where the forge limits the rate; writes by who
    asked, since only there it is known how to find out whether they were done. Raises StatusError for every status
    from 400 on, UnansweredError, LimitError, and ForgeError where it leads elsewhere.
    """

    def __init__(
        self, access: ForgeAccess, dialect: Dialect, pace: Pace, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Raises ConfigError where the authority's file cannot be read."""
        self._access = access
        self._dialect = dialect
        self._pace = pace
        self._sleep = sleep
        self._limits = Limits.of(access.timeout)
        self._home = _origin(access.url)
        self._trust = trusting(access.ca_file, f"forge {access.name}")
        super().__init__(max_retries=0)

    def send(self, request: PreparedRequest, *_: Any, **settings: Any) -> Response:
        """The answer to one request, read to its end."""
        url = request.url or ""
        asked = Asked(self._access, request.method or "", url.partition("?")[0])
        if _origin(url) != self._home:
            raise of_elsewhere(asked, url.partition("?")[0])
        tries = Tries(asked, asked.method in _READS, self._pace, self._sleep, patient=True)
        once = partial(super().send, request, timeout=self._timeout, proxies=settings.get("proxies"))
        if (failure := self._pace.silence) is not None:
            raise of_trouble(asked, trouble_of(failure)) from failure
        while True:
            try:
                response = self._once(asked, once)
            except (RequestException, HTTPError) as error:
                trouble = trouble_of(error)
                if not tries.again_without(error, trouble, may_pass=trouble in _PASSING):
                    why = distrust_of(error) if trouble is Trouble.UNTRUSTED else ""
                    raise of_trouble(asked, trouble, why) from error
            else:
                content = _content(response)
                if not tries.again_after(response.status_code, self._pause_after(response, content)):
                    return self._accepted(asked, response, content)

    @property
    def _timeout(self) -> tuple[float, float]:
        return self._limits.connect, self._limits.silence

    def _once(self, asked: Asked, once: Callable[[], Response]) -> Response:
        with self._pace.turn(asked):
            try:
                response = once()
                _ = response.content  # which is read here, so that a cut in the middle is seen here
            except RefusedError as error:
                raise of_trouble(asked, Trouble.NO_HTTP, str(error)) from error
        _log.debug("%s %s: HTTP %d", asked.method, asked.url, response.status_code)
        return response

    def _pause_after(self, response: Response, content: object) -> float | None:
        status, headers = response.status_code, response.headers
        if status < 400 or not self._dialect.limited(status, headers, content):
            return None
        now = time.time()
        return asked_pause(headers, now) or _until_reset(headers, now)

    def _accepted(self, asked: Asked, response: Response, content: object) -> Response:
        if response.status_code >= 400:
            said = tuple(self._access.quoted(text) for text in self._dialect.said(content))
            raise of_status(asked, response.status_code, said, self._dialect.lacking(response.headers, content))
        if response.is_redirect:
            target = urljoin(asked.url, response.headers.get("Location", ""))
            # A write would be sent on as a read.
            if _origin(target) != self._home or asked.method not in _READS:
                raise of_elsewhere(asked, target.partition("?")[0])
        elif response.headers.get("Content-Type", "").startswith("text/html"):
            raise of_page(asked)
        return response

    # --- connections ------------------------------------------------------------------------------------

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        """Connections with our limits, and our idea of whom to trust."""
        super().init_poolmanager(*args, ssl_context=self._trust, **settings)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **settings: Any) -> PoolManager:
        """The same by way of a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, ssl_context=self._trust, **settings)
        self._bound(manager)
        return manager

    def _bound(self, manager: PoolManager) -> None:
        pools: Any = {
            "http": partial(BoundedPool, limits=self._limits),
            "https": partial(BoundedTLSPool, limits=self._limits),
        }
        manager.pool_classes_by_scheme = pools

    def build_connection_pool_key_attributes(self, request: PreparedRequest, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Whom to connect to; `requests` would have its own list of authorities instead of the system's."""
        scheme, host, port = _origin(request.url or "")
        return {"scheme": scheme, "host": host, "port": port}, {}

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: see above."""


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = parse_url(url)
    except HTTPError:
        return "", "", 0
    scheme = parts.scheme or ""
    return scheme, parts.host or "", parts.port or {"http": 80, "https": 443}.get(scheme, 0)


def _content(response: Response) -> object:
    """The JSON of a refusal; None where it is something else, as a gateway's page."""
    if response.status_code < 400:
        return None
    try:
        content: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return content


def _until_reset(headers: Mapping[str, str], now: float) -> float:
    """The seconds until a limit begins anew, 0 where it is not said; forges say it as a time since the epoch."""
    for name in ("RateLimit-Reset", "X-RateLimit-Reset"):
        reset = headers.get(name, "")
        if reset.isascii() and reset.isdecimal():
            return max(0.0, float(reset[:12]) - now)
    return 0.0
