"""A request of the API that is being answered: who asks, what for, and what they may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlencode

from tests.doubles.github.accounts import AppRegistration, Grant, Role, Token
from tests.doubles.github.pullshapes import Around
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.shapes import Links
from tests.doubles.github.state import Project, Pull
from tests.doubles.http import Request, Response

if TYPE_CHECKING:
    from tests.doubles.github.hub import GitHub

T = TypeVar("T")

_LARGEST_PAGE = 100
_ROLES = {"read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}


@dataclass(frozen=True)
class Call:
    """`token` is what the API is asked with, `app` who signed it where it is an App by itself."""

    hub: GitHub
    request: Request
    values: dict[str, str]
    token: Token | None = None
    app: AppRegistration | None = None

    @property
    def now(self) -> datetime:
        return self.hub.now()

    @property
    def login(self) -> str:
        """Whose token it is."""
        if self.token is None:
            raise RefusedError(Refused.NO_CREDENTIALS)
        return self.token.login

    @property
    def links(self) -> Links:
        return Links(f"{self.request.base}/api/v3", self.request.base)

    @property
    def said(self) -> dict[str, Any]:
        """The request's body."""
        body = self.request.json
        assert body is None or isinstance(body, dict), "GitHub takes objects"
        return body or {}

    def parameter(self, name: str, otherwise: str = "") -> str:
        return self.request.query.get(name, [otherwise])[-1]

    def project(self, grant: Grant) -> Project:
        """The repository of the path, if who asks may do this with it."""
        return self.hub.reachable(self.token, f"{self.values['owner']}/{self.values['repo']}", grant)

    def pull(self, grant: Grant, *, number: str = "number") -> tuple[Project, Pull]:
        project = self.project(grant)
        pull = project.pulls.get(int(self.values[number]))
        if pull is None:
            raise RefusedError(Refused.NOT_FOUND)
        return project, pull

    def around(self, project: Project) -> Around:
        return self.hub.around(self.links, project, self.token)

    def commit(self, project: Project, revision: str) -> str:
        found = project.repository.resolve(revision)
        if found is None:
            raise RefusedError(Refused.NO_COMMIT, sha=revision)
        return found

    def page(
        self, items: Sequence[T], write: Callable[[T], Any], *, wrap: Callable[[list[Any]], Any] | None = None
    ) -> Response:
        """One page of a list, with the addresses of the others.

        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        size = min(int(self.parameter("per_page", "30")), _LARGEST_PAGE)
        number = max(1, int(self.parameter("page", "1")))
        last = max(1, -(-len(items) // size))
        others = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number >= last:
            others = {name: at for name, at in others.items() if name in {"prev", "first"}}
        if number == 1:
            others = {name: at for name, at in others.items() if name in {"next", "last"}}
        link = ", ".join(f'<{self._other_page(at)}>; rel="{name}"' for name, at in others.items())
        written = [write(item) for item in items[(number - 1) * size : number * size]]
        return Response(200, wrap(written) if wrap else written, {"Link": link} if link else {})

    def _other_page(self, number: int) -> str:
        query = [(name, value) for name, values in self.request.query.items() for value in values if name != "page"]
        return f"{self.request.base}{self.request.path}?{urlencode([*query, ('page', number)])}"


Handler: TypeAlias = Callable[[Call], Response]


def may(role: Role, grant: Grant) -> bool:
    """Whether a role is enough for what a permission allows."""
    return role >= (Role.ADMIN if grant.permission == "administration" else _ROLES[grant.level])
