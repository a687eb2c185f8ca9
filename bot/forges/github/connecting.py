"""Which client a repository is reached by: the one of the token, or one for each installation of an App."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

import requests
from github.Auth import Auth, Token

from bot.forges.access import AppKey, ForgeAccess
from bot.forges.github.client import Client
from bot.forges.github.sending import GitHubAdapter, OurRequester, Spacing, open_session
from bot.forges.github.tokens import App, Held, InstallationTokens, Supplied, until_known
from bot.network.pace import Pace

_GITHUB, _CLOUD = "github.com", ".ghe.com"
# GitHub asks for a second between writes; a server of one's own has no limits unless somebody sets them.
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
_BETWEEN_WRITES = 1.0
# So that what the API means does not change under us; servers have the versions that they were made with.
# https://docs.github.com/en/rest/about-the-rest-api/api-versions
_VERSION = "2022-11-28"


@dataclass(frozen=True)
class Site:
    """Where a GitHub is: for people and git, and for programs. Neither ends with a slash."""

    url: str

    @property
    def api(self) -> str:
        """The root of the REST API."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://api.{parts.netloc}" if self.hosted else f"{self.url}/api/v3"

    @property
    def hosted(self) -> bool:
        """Whether GitHub runs it: github.com, or a company's own place on Enterprise Cloud."""
        host = urlsplit(self.url).hostname or ""
        return host == _GITHUB or host.endswith(_CLOUD)


class Connecting:
    """Clients of one forge, made when first needed; they share its pace. Threads may share this."""

    def __init__(
        self,
        access: ForgeAccess,
        app: AppKey | None,
        pace: Pace,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises ConfigError where the App's key is none, or the authority's file cannot be read."""
        self.site = Site(access.url)
        self._access = replace(access, url=self.site.api)
        self._pace = pace
        self._sleep = sleep
        self._writes = Spacing(_BETWEEN_WRITES if self.site.hosted else 0.0, sleep=sleep)
        self._sessions: list[requests.Session] = []
        self._app = App(app, partial(self._requester, self._adapter()), sleep=sleep) if app else None
        self._lock = RLock()
        self._clients: dict[int, tuple[Client, InstallationTokens]] = {}
        self._installations: dict[str, int] = {}

    def close(self) -> None:
        """Close what is kept open."""
        for session in self._sessions:
            session.close()

    def client(self, project: str) -> Client:
        """The client for a repository. Raises ForgeError."""
        if self._app is None:
            return self._plain
        return self._installed(self._app, project)[0]

    def token(self, project: str) -> str:
        """What git shows as its password; empty for nobody. Raises ForgeError."""
        if self._app is None:
            return self._access.token
        return self._installed(self._app, project)[1].token()

    @cached_property
    def login(self) -> str:
        """Who we are at GitHub, empty for nobody. Raises ForgeError."""
        if self._app is not None:
            return self._app.login()
        if not self._access.token:
            return ""
        _, said = self._plain.requester.requestJsonAndCheck("GET", "/user")
        return str(said["login"])

    @property
    def is_app(self) -> bool:
        """Whether we are an App, and not an account."""
        return self._app is not None

    def permissions(self, project: str) -> Mapping[str, Any]:
        """What the App may do where it is installed, by the names that GitHub has for it. Raises ForgeError."""
        assert self._app is not None, "an account has a token instead"  # noqa: S101
        return self._app.permissions(project)

    def sees_teams(self, project: str) -> bool:
        """Whether a query may ask for teams at all; a classic token needs a scope for that."""
        _ = self.login  # whose answer tells the scopes
        scopes = self.client(project).requester.oauth_scopes
        return scopes is None or any(scope.endswith(":org") for scope in scopes)

    @cached_property
    def _plain(self) -> Client:
        auth: Auth = Token(self._access.token) if self._access.token else Supplied(lambda: "")
        return Client(self._access, self._requester(self._adapter(), auth), self._pace, sleep=self._sleep)

    def _installed(self, app: App, project: str) -> tuple[Client, InstallationTokens]:
        with self._lock:
            if project not in self._installations:
                self._installations[project] = app.installation(project)
            number = self._installations[project]
            if number not in self._clients:
                self._clients[number] = self._made(app, number, project)
            return self._clients[number]

    def _made(self, app: App, number: int, project: str) -> tuple[Client, InstallationTokens]:
        adapter = self._adapter()

        def begun(held: Held) -> None:
            adapter.hide(held.text)
            fresh = self._requester(adapter, Supplied(lambda: held.text))
            until_known(lambda: fresh.requestJsonAndCheck("GET", f"/repos/{project}"), sleep=self._sleep)

        tokens = InstallationTokens(lambda: app.fetch(number), begun)
        requester = self._requester(adapter, Supplied(tokens.token))
        return Client(self._access, requester, self._pace, sleep=self._sleep), tokens

    def _adapter(self) -> GitHubAdapter:
        return GitHubAdapter(self._access, self._pace, self._writes, sleep=self._sleep)

    def _requester(self, adapter: GitHubAdapter, auth: Auth) -> OurRequester:
        version = _VERSION if self.site.hosted else None
        session = open_session(adapter)
        self._sessions.append(session)
        return OurRequester(self.site.api, auth, session, version=version)
