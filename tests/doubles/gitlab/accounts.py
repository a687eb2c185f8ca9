"""Who there is: users, groups in groups, members with roles, and tokens with scopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50


@dataclass
class User:
    """A person, or a token's bot; `state` is `active`, `blocked` or `deactivated`."""

    id: int
    username: str
    state: str = "active"
    bot: bool = False

    @property
    def name(self) -> str:
        return self.username.replace(".", " ").title()

    def __hash__(self) -> int:
        return self.id


@dataclass
class Namespace:
    """A group, or what a project is below: the path, and who has which role here by themselves."""

    id: int
    path: str
    roles: dict[int, int] = field(default_factory=dict)
    visibility: str = "private"


@dataclass
class Token:
    """What an API's user shows. `ended` is `expired` or `revoked`; `within` is the only project or group it is for."""

    id: int
    value: str = field(repr=False)
    user: User
    scopes: tuple[str, ...] = ("api",)
    ended: str = ""
    expires_at: str | None = "2027-11-20"


@dataclass
class Accounts:
    """All of them, and what follows from who belongs where."""

    users: dict[int, User] = field(default_factory=dict)
    groups: dict[str, Namespace] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    _ids: int = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def user(self, username: str, *, bot: bool = False) -> User:
        """The user of that name, made where there is none."""
        for user in self.users.values():
            if user.username == username:
                return user
        user = User(self.next_id(), username, bot=bot)
        self.users[user.id] = user
        return user

    def group(self, path: str) -> Namespace:
        """The group of that path, made where there is none, as those above it are."""
        above, _, _ = path.rpartition("/")
        if above:
            self.group(above)
        if path not in self.groups:
            self.groups[path] = Namespace(self.next_id(), path)
        return self.groups[path]

    def members(self, namespace: Namespace, *, inherited: bool = True) -> dict[int, int]:
        """Who has which role, the highest of those here and in the groups above."""
        roles: dict[int, int] = {}
        for place in self.above(namespace) if inherited else (namespace,):
            for user, role in place.roles.items():
                roles[user] = max(role, roles.get(user, 0))
        return roles

    def above(self, namespace: Namespace) -> Iterator[Namespace]:
        """A namespace and the groups that it is in."""
        yield namespace
        path = namespace.path
        while path := path.rpartition("/")[0]:
            if path in self.groups:
                yield self.groups[path]

    def role(self, user: User | None, namespace: Namespace) -> int:
        """The user's role there; 0 for none."""
        return self.members(namespace).get(user.id, 0) if user and user.state == "active" else 0
