"""Who reviews: the names of users and groups, as the numbers that GitLab wants."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from threading import Lock
from typing import Any

from gitlab import Gitlab

from bot.forges.errors import StatusError

_log = logging.getLogger(__name__)

_DEVELOPER = 30
# app/models/concerns/issuable.rb, MAX_NUMBER_OF_ASSIGNEES_OR_REVIEWERS
_MOST = 200


class People:
    """Users and groups of one GitLab, each looked up once in a run; threads may share it."""

    def __init__(self, gitlab: Gitlab) -> None:
        self._gitlab = gitlab
        self._url = gitlab.url
        self._known: dict[str, tuple[int, ...]] = {}
        self._lock = Lock()
        self._numbered = cache(self._user)

    def users(self, names: Iterable[str]) -> list[int]:
        """The users of these names; who is gone is left out."""
        return [number for name in names for number in self._numbered(name)]

    def numbers(self, names: Iterable[str], *, without: int) -> list[int]:
        """The users of these names, and those who may push of the groups of these names; who is gone is left out."""
        found = dict.fromkeys(number for name in names for number in self._named(name))
        found.pop(without, None)
        return list(found)[:_MOST]

    def _named(self, name: str) -> tuple[int, ...]:
        with self._lock:
            if name not in self._known:
                self._known[name] = self._members(name) or self._user(name)
                if not self._known[name]:
                    _log.warning(
                        "%s: no reviewer is %s: no user, and no group that the token's user sees", self._url, name
                    )
            return self._known[name]

    def _members(self, group: str) -> tuple[int, ...]:
        """Its own members and those of the groups that it is in."""
        try:
            members = self._gitlab.groups.get(group, lazy=True).members_all.list(get_all=True)
        except StatusError as error:
            if error.status in {403, 404}:
                return ()
            raise
        return tuple(m.id for m in members if _active(m) and (m.access_level or 0) >= _DEVELOPER)

    def _user(self, name: str) -> tuple[int, ...]:
        if "/" in name:
            return ()
        found = self._gitlab.users.list(username=name, get_all=True)
        return tuple(user.id for user in found if _active(user))


def _active(person: Any) -> bool:  # noqa: ANN401 - an object of the library's, which has what GitLab sent
    return bool(getattr(person, "state", "active") == "active")
