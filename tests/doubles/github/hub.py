"""The double itself: GitHub with its accounts, repositories and tokens, as an App of `tests/doubles/server.py`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from tests.doubles.github import (
    api_accounts,
    api_checks,
    api_commits,
    api_git,
    api_issues,
    api_pulls,
    credentials,
    graphql,
    life,
)
from tests.doubles.github.accounts import Account, AppRegistration, Grant, Installation, Role, Team, Token
from tests.doubles.github.call import Call, Handler, may
from tests.doubles.github.limits import Limits
from tests.doubles.github.pullshapes import Around
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.shapes import Links
from tests.doubles.github.state import Project, Pull
from tests.doubles.http import Request, Response
from tests.doubles.repository import Repository
from tests.doubles.routes import Routes
from tests.doubles.server import Pass

_REST, _GRAPHQL = "/api/v3", "/api/graphql"
_HANDLERS: tuple[Mapping[str, Handler], ...] = (
    api_accounts.HANDLERS,
    api_checks.HANDLERS,
    api_commits.HANDLERS,
    api_git.HANDLERS,
    api_issues.HANDLERS,
    api_pulls.HANDLERS,
)
_OWNER = "apps-owner"
# Git shows what a server says to it in plain text.
_TEXT = {"Content-Type": "text/plain; charset=UTF-8"}


@dataclass
class GitHub:
    """Repositories are below `root`. `latency` is how often a pull request is read before it is known to merge."""

    root: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    latency: int = 1
    limits: Limits = field(default_factory=Limits)
    accounts: dict[str, Account] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    apps: dict[int, AppRegistration] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1000))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._routes = Routes[Handler]()
        for handlers in _HANDLERS:
            for pattern, handler in handlers.items():
                self._routes.add(pattern, handler)

    # --- who and what there is --------------------------------------------------------------------------

    def account(self, login: str, kind: Literal["User", "Bot", "Organization"] = "User") -> Account:
        """The account of that name, made if there is none yet."""
        return self.accounts.setdefault(login, Account(next(self.ids), login, kind))

    def team(self, organization: str, slug: str, *members: str) -> Team:
        self.account(organization, "Organization")
        for member in members:
            self.account(member)
        team = Team(next(self.ids), organization, slug, list(members))
        self.teams[organization, slug] = team
        return team

    def project(self, path: str, files: Mapping[str, bytes], **settings: Any) -> Project:
        """A new repository; `settings` are of `Project`. Who has a role there gets an account."""
        owner, _, name = path.partition("/")
        self.account(owner, "Organization")
        made = Project(next(self.ids), owner, name, Repository.create(self.root, path, files), self.now(), **settings)
        for login in made.roles:
            self.account(login)
        for slug, role in made.teams.items():
            for member in self.teams[owner, slug].members:
                made.roles[member] = max(role, made.roles.get(member, Role.NONE))
        self.projects[path] = made
        return made

    def classic(self, login: str, *scopes: str, expires: datetime | None = None) -> str:
        """A personal access token of the old kind."""
        return self._token(f"ghp_{uuid4().hex}", Token(login, "classic", frozenset(scopes), expires=expires))

    def fine_grained(self, login: str, permissions: Mapping[str, str], *projects: str) -> str:
        """A token with permissions, for some repositories alone."""
        token = Token(login, "fine-grained", permissions=permissions, projects=frozenset(projects))
        return self._token(f"github_pat_{uuid4().hex}", token)

    def _token(self, text: str, token: Token) -> str:
        self.account(token.login)
        self.tokens[text] = token
        return text

    def register(self, slug: str, public_key: str) -> AppRegistration:
        """A GitHub App."""
        made = AppRegistration(next(self.ids), slug, public_key)
        self.account(made.login, "Bot")
        self.account(_OWNER, "Organization")
        self.apps[made.id] = made
        return made

    def install(self, app: AppRegistration, owner: str, permissions: Mapping[str, str], *projects: str) -> Installation:
        """The App on an account, on all of its repositories or some."""
        made = Installation(next(self.ids), owner, permissions, frozenset(projects) or None)
        app.installations[made.id] = made
        return made

    def installation_token(self, app: AppRegistration, installation: Installation) -> tuple[str, datetime]:
        """A token of an App, good for an hour."""
        expires = self.now().replace(microsecond=0) + timedelta(hours=1)
        projects = installation.projects
        if projects is None:
            projects = frozenset(path for path in self.projects if path.startswith(f"{installation.account}/"))
        token = Token(app.login, "installation", frozenset(), installation.permissions, projects, expires)
        return self._token(f"ghs_{uuid4().hex}", token), expires

    # --- what people do ---------------------------------------------------------------------------------

    def review(self, path: str, number: int, login: str, state: life.Verdict = "APPROVED") -> None:
        with self.lock:
            project = self.synced(path)
            life.review(project.pulls[number], next(self.ids), login, state, self.now())
            life.settle(project, self.now())

    def merge(self, path: str, number: int, login: str, method: str = "merge") -> str:
        """Somebody merges on the site."""
        with self.lock:
            project = self.synced(path)
            pull = project.pulls[number]
            pull.computing = 0
            made = life.merge(project, pull, login=login, method=method, now=self.now())
            self.synced(path)
            return made

    def close(self, path: str, number: int, login: str) -> None:
        with self.lock:
            life.close(self.synced(path).pulls[number], login, self.now())

    def pulls(self, path: str) -> dict[int, Pull]:
        """The pull requests of a repository as they are now."""
        with self.lock:
            return self.synced(path).pulls

    # --- the App ----------------------------------------------------------------------------------------

    def route(self, request: Request) -> str:
        if request.path == _GRAPHQL:
            return f"POST /graphql {graphql.first_field(request)}"
        found = self._routes.find(request.method, request.path.removeprefix(_REST))
        return found.name if found else f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        with self.lock:
            try:
                return self._limited(request)
            except RefusedError as refused:
                return refused.response

    def _limited(self, request: Request) -> Response:
        text = credentials.presented(request)
        limit = self.limits.of(text, self.now())
        refused = self.limits.refusal(request, limit, self.now(), user=1)
        if refused is not None:
            return replace(refused.response, headers={**refused.response.headers, **limit.headers})
        try:
            response = self._answer(request, text)
        except RefusedError as error:
            response = error.response
        response = _conditional(request, response)
        if response.status != 304:
            limit.used += 1
        return replace(response, headers={**response.headers, **self._told(text), **limit.headers})

    def _told(self, text: str) -> dict[str, str]:
        token = self.tokens.get(text)
        return {"X-OAuth-Scopes": ", ".join(sorted(token.scopes))} if token and token.kind == "classic" else {}

    def _answer(self, request: Request, text: str) -> Response:
        call = Call(self, request, {}, *credentials.known(self, text))
        if request.path == _GRAPHQL:
            return graphql.answer(call)
        found = self._routes.find(request.method, request.path.removeprefix(_REST))
        if found is None or not request.path.startswith(f"{_REST}/"):
            raise RefusedError(Refused.NOT_FOUND)
        return found.handler(replace(call, values=found.values))

    # --- repositories -----------------------------------------------------------------------------------

    def synced(self, path: str) -> Project:
        """The repository, with what was pushed meanwhile."""
        project = self.projects[path]
        life.sync(project, self.now(), latency=self.latency)
        return project

    def role(self, token: Token | None, project: Project) -> Role:
        """What who asks may do there; an App has permissions instead, which are looked at besides."""
        if token is None:
            return Role.NONE if project.private else Role.READ
        if token.kind == "installation":
            return Role.ADMIN if token.sees(project.path, private=True) else Role.NONE
        return project.role(token.login)

    def reachable(self, token: Token | None, path: str, grant: Grant) -> Project:
        """A repository for whoever has the permission; else RefusedError, in the words for who asks."""
        project = self.projects.get(path)
        if project is None:
            raise RefusedError(Refused.NOT_FOUND)
        role = self.role(token, project)
        hidden = token is not None and not token.sees(path, private=project.private)
        if role < Role.READ or hidden:
            scopes = {"X-Accepted-OAuth-Scopes": "repo"} if token and token.kind == "classic" else {}
            raise RefusedError(Refused.NOT_FOUND, headers=scopes)
        if token is None and grant.level != "read":
            raise RefusedError(Refused.NO_CREDENTIALS)
        if token is not None and not token.grants(grant) and (project.private or grant.level != "read"):
            raise _not_granted(token, grant)
        if not may(role, grant):
            raise RefusedError(Refused.NO_RIGHT if grant.permission == "administration" else Refused.NOT_FOUND)
        return self.synced(path)

    def around(self, links: Links, project: Project, token: Token | None) -> Around:
        teams = {slug: team for (owner, slug), team in self.teams.items() if owner == project.owner}
        return Around(links, project, self.accounts, teams, self.role(token, project))

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        """The token is the password; a user name is needed, and any will do."""
        login = request.login
        with self.lock:
            try:
                token, _ = credentials.known(self, login[1] if login else "")
            except RefusedError:
                token = None
            if token is None:
                return Response(
                    401, b"Invalid username or token.\n", {**_TEXT, "WWW-Authenticate": 'Basic realm="GitHub"'}
                )
            try:
                self.reachable(token, project, Grant("contents", "write" if write else "read"))
            except RefusedError as refused:
                if refused.kind is Refused.NOT_FOUND and not self._may_read(token, project):
                    return Response(404, b"Repository not found.\n", _TEXT)
                return Response(403, f"Permission to {project}.git denied to {token.login}.\n".encode(), _TEXT)
        return Pass(self.root, project, token.login)

    def _may_read(self, token: Token, project: str) -> bool:
        try:
            self.reachable(token, project, Grant("contents"))
        except RefusedError:
            return False
        return True

    def pushed(self, project: str) -> None:
        with self.lock:
            self.synced(project)


def _not_granted(token: Token, grant: Grant) -> RefusedError:
    if token.kind == "classic":
        return RefusedError(Refused.NOT_FOUND, headers={"X-Accepted-OAuth-Scopes": "repo"})
    kind = Refused.NOT_FOR_APP if token.kind == "installation" else Refused.NOT_FOR_TOKEN
    return RefusedError(kind, headers={"X-Accepted-GitHub-Permissions": str(grant)})


def _conditional(request: Request, response: Response) -> Response:
    """https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate"""
    if request.method != "GET" or response.status != 200:
        return response
    tag = f'W/"{hashlib.sha256(response.body).hexdigest()}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(304, None, {"ETag": tag})
    return replace(response, headers={**response.headers, "ETag": tag})
