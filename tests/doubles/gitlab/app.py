"""The instance over HTTP: who asks, whether the token may, and which handler answers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from tests.doubles.gitlab import api_approvals, api_merge_requests, api_people, api_projects, life
from tests.doubles.gitlab.accounts import DEVELOPER, REPORTER, Token
from tests.doubles.gitlab.behaviour import RefusedError, refuse
from tests.doubles.gitlab.call import Call, Handler
from tests.doubles.gitlab.instance import Instance
from tests.doubles.http import Request, Response
from tests.doubles.routes import Match, Routes
from tests.doubles.server import Pass

_API = "/api/v4"
_NOT_IN_ONE_GO = frozenset({"POST /projects/:id/merge_requests"})
_READS = frozenset({"GET", "HEAD"})
# What a token needs for git: lib/gitlab/auth.rb, abilities_for_scopes.
_FETCH, _PUSH = (
    frozenset({"api", "read_api", "read_repository", "write_repository"}),
    frozenset({"api", "write_repository"}),
)
_ROUTES: Routes[Handler] = Routes()
for _table in (api_merge_requests.TABLE, api_approvals.TABLE, api_people.TABLE, api_projects.TABLE):
    for _pattern, _handler in _table.items():
        _ROUTES.add(_pattern, _handler)


@dataclass
class GitLab(Instance):
    """An instance; see the package."""

    def route(self, request: Request) -> str:
        found = _match(request)
        return found.name if found else f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        try:
            found = _match(request)
            if found is None:
                raise refuse("route", "404 Not Found")
            token = self._token(request)
            call = Call(self, request, token, found.values)
            _must_suffice(token, request.method, found.name)
            if request.method not in _READS:
                _ = call.me
            # One at a time, but for what GitLab itself doesn't do in one go.
            with nullcontext() if found.name in _NOT_IN_ONE_GO else self.lock:
                return found.handler(call)
        except RefusedError as refusal:
            return refusal.response

    def _token(self, request: Request) -> Token | None:
        """Who asks; a token that isn't known is refused even where nobody would be let in."""
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        value = request.headers.get("Private-Token", "") or (bearer if kind == "Bearer" else "")
        return self._known(value) if value else None

    def _known(self, value: str) -> Token:
        token = self.accounts.tokens.get(value)
        if token is None or token.user.state != "active":
            raise refuse("nobody", "401 Unauthorized")
        if token.ended:
            raise refuse(token.ended)
        return token

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        """By lib/gitlab/git_access.rb; any user name goes with a token."""
        token = self.accounts.tokens.get(request.login[1]) if request.login else None
        wanted = _PUSH if write else _FETCH
        if token is None or token.ended or token.user.state != "active" or not wanted.intersection(token.scopes):
            said = b"HTTP Basic: Access denied. If a password was provided for Git authentication, it was incorrect."
            return Response(401, said, {"WWW-Authenticate": 'Basic realm="GitLab"', "Content-Type": "text/plain"})
        found = self.projects.get(project.removeprefix("/"))
        role = self.accounts.role(token.user, found.namespace) if found else 0
        if found is None or role < REPORTER:
            said = b"The project you were looking for could not be found or you don't have permission to view it."
            return Response(404, said, {"Content-Type": "text/plain"})
        if write and role < DEVELOPER:
            return Response(403, b"You are not allowed to push code to this project.", {"Content-Type": "text/plain"})
        self.forbid(found, token.user)
        return Pass(self.root, found.path, token.user.username)

    def pushed(self, project: str) -> None:
        """Its branches may have moved."""
        with self.lock:
            life.look(self, self.projects[project.removeprefix("/")])


def _match(request: Request) -> Match[Handler] | None:
    if not request.path.startswith(f"{_API}/"):
        return None
    return _ROUTES.find(request.method, request.path.removeprefix(_API))


def _must_suffice(token: Token | None, method: str, route: str) -> None:
    """A token reads by `read_api`, and does everything by `api`; what it is itself, any token may ask."""
    if token is None or "api" in token.scopes or route == "GET /personal_access_tokens/self":
        return
    if method not in _READS:
        raise refuse("scope", field="api")
    if "read_api" not in token.scopes and not (route == "GET /user" and "read_user" in token.scopes):
        raise refuse("scope", field="api read_api")
