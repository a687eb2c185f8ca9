"""Who there is, what they may do, and by what they show who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["read", "write", "admin"]
_LEVELS: tuple[Level, ...] = ("read", "write", "admin")


class Role(IntEnum):
    """What an account may do in a repository.

    https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
    """

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


@dataclass(frozen=True)
class Account:
    """A user, a bot (of an App: `name[bot]`) or an organization; `email` is what it shows, if anything."""

    id: int
    login: str
    kind: Literal["User", "Bot", "Organization"] = "User"
    email: str = ""


@dataclass
class Team:
    """A team of an organization; `members` are logins."""

    id: int
    organization: str
    slug: str
    members: list[str]

    @property
    def node_id(self) -> str:
        return f"T_{self.id}"


@dataclass(frozen=True)
class Grant:
    """A permission that something takes, named as fine-grained tokens and Apps have it."""

    permission: str
    level: Level = "read"

    def given_by(self, permissions: Mapping[str, str]) -> bool:
        given = permissions.get(self.permission)
        return given in _LEVELS and _LEVELS.index(given) >= _LEVELS.index(self.level)

    def __str__(self) -> str:
        return f"{self.permission}={self.level}"


# What docs/github.md names for an App of promobot's.
OF_THE_MANUAL = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "statuses": "write",
    "members": "read",
}


@dataclass(frozen=True)
class Token:
    """What opens the API: a classic token with scopes, or one with permissions for some repositories (None: all)."""

    login: str
    kind: Literal["classic", "fine-grained", "installation"]
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] = field(default_factory=dict)
    projects: frozenset[str] | None = None
    expires: datetime | None = None

    def sees(self, project: str, *, private: bool) -> bool:
        """Whether it is any good for a repository."""
        if self.kind == "classic":
            return "repo" in self.scopes or not private
        return self.projects is None or project in self.projects

    def grants(self, grant: Grant) -> bool:
        """Whether it has a permission; of a classic one, the scope that stands for it."""
        if self.kind != "classic":
            return grant.given_by(self.permissions)
        if grant.permission == "members":
            return bool({"read:org", "admin:org", "write:org"} & self.scopes)
        return "repo" in self.scopes or (grant.permission == "statuses" and "repo:status" in self.scopes)


@dataclass
class Installation:
    """An App on an account's repositories (None: all of them)."""

    id: int
    account: str
    permissions: Mapping[str, str]
    projects: frozenset[str] | None = None


@dataclass
class AppRegistration:
    """A GitHub App; `public_key` is of the key that it signs with, in PEM."""

    id: int
    slug: str
    public_key: str
    installations: dict[int, Installation] = field(default_factory=dict)

    @property
    def login(self) -> str:
        return f"{self.slug}[bot]"
