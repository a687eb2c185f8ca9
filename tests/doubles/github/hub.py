"""The double itself: GitHub with its accounts, repositories and tokens, as an App of `tests/doubles/server.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.doubles.github import (
    api_accounts,
    api_checks,
    api_commits,
    api_git,
    api_issues,
    api_pulls,
    credentials,
    graphql,
)
from tests.doubles.github.accounts import Grant, Role, Token
from tests.doubles.github.call import Call, Handler, may
from tests.doubles.github.inhabited import Inhabited
from tests.doubles.github.pullshapes import Around
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.shapes import Links
from tests.doubles.github.state import Project
from tests.doubles.http import Request, Response
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
class GitHub(Inhabited):
    """All of that, and the App that answers requests."""

    def __post_init__(self) -> None:
        self._routes = Routes[Handler]()
        for handlers in _HANDLERS:
            for pattern, handler in handlers.items():
                self._routes.add(pattern, handler)

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
