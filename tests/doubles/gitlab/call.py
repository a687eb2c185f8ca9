"""One request to the API: who asks, what for, and the parameters however they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tests.doubles.gitlab import life, shapes
from tests.doubles.gitlab.accounts import DEVELOPER, GUEST, REPORTER, Namespace, Token, User
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.instance import Instance
from tests.doubles.gitlab.state import MergeRequest, Project
from tests.doubles.http import Request, Response

_MOST, _USUAL = 100, 20


@dataclass
class Call:
    """A request in the hands of a handler; `values` are of its path."""

    gitlab: Instance
    request: Request
    token: Token | None
    values: Mapping[str, str]
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        query = {name.removesuffix("[]"): values if "[]" in name else values[-1] for name, values in self._query()}
        try:
            body = self.request.form or self.request.json or {}
        except ValueError:
            raise refuse("parameter", "The request body is invalid") from None
        self.given = {**query, **body}

    def _query(self) -> list[tuple[str, list[str]]]:
        return list(self.request.query.items())

    @property
    def base(self) -> str:
        return self.request.base

    @property
    def user(self) -> User | None:
        return self.token.user if self.token else None

    @property
    def me(self) -> User:
        """Who asks; nobody is refused."""
        if self.user is None:
            raise refuse("nobody", "401 Unauthorized")
        return self.user

    # --- parameters -------------------------------------------------------------------------------------

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        value = self.given.get(name)
        if value is None or value == "":
            if required:
                raise refuse("parameter", f"{name} is {'missing' if value is None else 'empty'}")
            return default
        return str(value)

    def number(self, name: str, default: int = 0) -> int:
        try:
            value = self.given.get(name)
            return default if value is None else int(value)
        except (TypeError, ValueError):
            raise refuse("parameter", f"{name} is invalid") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.given.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in {"true", "1", "yes", "on"}

    def words(self, name: str) -> list[str] | None:
        """A list, or a text with commas; None where there is none."""
        value = self.given.get(name)
        if value is None:
            return None
        parts = value if isinstance(value, list) else str(value).split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def choice(self, name: str, *values: str, default: str = "") -> str:
        value = self.text(name, default)
        if value not in values and value != default:
            raise refuse("parameter", f"{name} does not have a valid value")
        return value

    def people(self, name: str) -> list[User] | None:
        """Users by their numbers; those that there aren't are left out."""
        words = self.words(name)
        if words is None:
            return None
        users = self.gitlab.accounts.users
        return [users[int(word)] for word in words if word.isdecimal() and int(word) in users]

    # --- what it is about -------------------------------------------------------------------------------

    def role(self, place: Namespace) -> int:
        return self.gitlab.accounts.role(self.user, place)

    @property
    def project(self) -> Project:
        """The project of the path, by its number or its own path; who may not see it is told that there is none."""
        wanted = self.values["id"]
        for project in self.gitlab.projects.values():
            if wanted in {str(project.id), project.path}:
                if project.visibility != "private" or self.role(project.namespace) >= GUEST:
                    return project
                break
        raise refuse("hidden", "404 Project Not Found")

    @property
    def group(self) -> Namespace:
        wanted = self.values["id"]
        for group in self.gitlab.accounts.groups.values():
            if wanted in {str(group.id), group.path}:
                if self.user is None or not self._sees(group):
                    break
                return group
        raise refuse("hidden", "404 Group Not Found")

    def _sees(self, group: Namespace) -> bool:
        """Members of what is in a group see that there is such a group; everybody does, where it isn't private."""
        if group.visibility != "private":
            return True
        places = [*self.gitlab.accounts.groups.values(), *(p.namespace for p in self.gitlab.projects.values())]
        below = (place for place in places if f"{place.path}/".startswith(f"{group.path}/"))
        return any(self.role(place) for place in below)

    def must(self, role: int, place: Namespace | None = None) -> None:
        """Who has less than this role is refused."""
        if self.role(place or self.project.namespace) < role:
            raise refuse("forbidden", "403 Forbidden")

    def merge_request(self, *, least: int = REPORTER) -> MergeRequest:
        """The merge request of the path, which is looked at now."""
        project = self.project
        self.must(least if project.visibility == "private" else 0)
        life.look(self.gitlab, project)
        number = self.values["iid"]
        if not number.isdecimal() or int(number) not in project.requests:
            raise refuse("absent", "404 Not found")
        return project.requests[int(number)]

    def must_write(self) -> None:
        self.must(DEVELOPER)

    def must_be_paid(self) -> None:
        """What only Premium has: Community hasn't got the endpoint, an Enterprise Edition without a licence refuses."""
        if not self.gitlab.enterprise:
            raise refuse("route", "404 Not Found")
        if not self.gitlab.premium:
            raise refuse("forbidden", "403 Forbidden")

    # --- answers ----------------------------------------------------------------------------------------

    def shown(self, request: MergeRequest, *, status: int = 200, looked: bool = False) -> Response:
        """A merge request by itself."""
        detailed = life.merge_status(self.gitlab, self.project, request, checked=looked)
        content = shapes.whole_merge_request(self.base, self.gitlab, self.project, request, self.user, detailed)
        return Response(status, content)

    def page(self, everything: Sequence[Any]) -> Response:
        """One page of a list, with the headers of lib/gitlab/pagination/offset_header_builder.rb."""
        size = min(max(1, self.number("per_page", _USUAL)), _MOST)
        number = max(1, self.number("page", 1))
        last = max(1, -(-len(everything) // size))
        following = number + 1 if number < last else None
        before = number - 1 if number > 1 else None
        counted = len(everything) <= self.gitlab.counted
        places = {"prev": before, "next": following, "first": 1, "last": last if counted else None}
        links = [f'<{self._page_url(page, size)}>; rel="{rel}"' for rel, page in places.items() if page]
        headers = {
            "X-Per-Page": str(size),
            "X-Page": str(number),
            "X-Next-Page": str(following or ""),
            "X-Prev-Page": str(before or ""),
            "Link": ", ".join(links),
        }
        if counted:
            headers |= {"X-Total": str(len(everything)), "X-Total-Pages": str(last)}
        return Response(200, list(everything[(number - 1) * size : number * size]), headers)

    def _page_url(self, page: int, size: int) -> str:
        query = {**self.request.query, "page": [str(page)], "per_page": [str(size)]}
        return f"{self.base}{self.request.path}?{urlencode(query, doseq=True)}"


Handler: TypeAlias = Callable[[Call], Response]
