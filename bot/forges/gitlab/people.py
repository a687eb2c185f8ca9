"""Who reviews and approves: the names of users and groups, as GitLab has them, and why some can't be asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from gitlab import Gitlab

from bot.errors import ForgeError
from bot.forges.errors import StatusError
from bot.repositories import MergeRequest, Reviewers

_DEVELOPER = 30
# app/models/concerns/issuable.rb, MAX_NUMBER_OF_ASSIGNEES_OR_REVIEWERS
_MOST = 200
# So many are asked about in one address.
_AT_ONCE = 100


@dataclass(frozen=True)
class Person:
    """A user of GitLab."""

    number: int
    name: str


@dataclass(frozen=True)
class Asked:
    """Who can be asked for a review in a project, those of the groups first, and why others can't.

    `known`: whether the project tells that they may push to it.
    """

    people: tuple[Person, ...]
    notes: tuple[str, ...]
    known: bool = True


class People:
    """Users and groups of one GitLab, each looked up once in a run; threads may share it."""

    def __init__(self, gitlab: Gitlab) -> None:
        self._gitlab = gitlab
        self._groups: dict[str, tuple[Person, ...] | None] = {}
        self._numbers: dict[str, int | None] = {}
        self._users: dict[str, tuple[Person | None, str]] = {}
        self._may: dict[tuple[str, int], bool | None] = {}
        self._said_tier = False
        self._lock = Lock()

    def users(self, names: Iterable[str]) -> list[int]:
        """The users of these names; who is gone is left out."""
        with self._lock:
            return [person.number for name in names for person in self._user(name)[0]]

    def asked(self, project: str, reviewers: Reviewers, *, without: int) -> Asked:
        """The users and those who may push of the groups, as far as they may do so in the project itself."""
        notes: list[str] = []
        wanted: list[Person] = []
        with self._lock:
            named = [*map(self._group, reviewers.groups), *map(self._user, reviewers.users)]
            for found, why in named:
                wanted += found
                notes += [why] if why else []
            others = [person for person in dict.fromkeys(wanted) if person.number != without]
            may = self._who_may(project, others)
        users = {person for found, _ in named[len(reviewers.groups) :] for person in found}
        for person in others:
            if person not in may and person in users:
                notes.append(f"{person.name} is not asked for a review: no Developer or more in {project}")
        if others and not may:
            notes.append(f"nobody is asked for a review: none of {', '.join(reviewers.names)} may push to {project}")
        if (more := len(may) - _MOST) > 0:
            names = " and ".join(reviewers.names)
            notes.append(f"{more} of {names} are not asked for a review: GitLab keeps {_MOST} reviewers at most")
        return Asked(tuple(may)[:_MOST], tuple(notes), all(may.values()))

    def numbers(self, reviewers: Reviewers) -> tuple[list[int], list[int]] | None:
        """The groups and those of the users who are there; None where not all of the groups are seen, or nobody is."""
        with self._lock:
            groups = [number for group in reviewers.groups if (number := self._group_number(group)) is not None]
            if len(groups) < len(reviewers.groups):
                return None
            users = [person.number for user in reviewers.users for person in self._user(user)[0]]
        return (groups, users) if groups or users else None

    def members(self, group: str) -> tuple[str, ...]:
        """Who approves for a group. Raises ForgeError where it can't be seen."""
        with self._lock:
            found, why = self._group(group)
        if why and not found:
            raise ForgeError(why, hint="let the token's user see the group, or correct `approvers`")
        return tuple(person.name for person in found)

    def notes(self, asked: Asked, made: MergeRequest) -> tuple[str, ...]:
        """What is to be said of who was asked, now that GitLab told whom it kept; of its tier once in a run."""
        kept = set(made.reviewers)
        lost = [person.name for person in asked.people if person.name not in kept]
        if len(kept) != 1 or not lost:
            return asked.notes
        with self._lock:
            said, self._said_tier = self._said_tier, True
        (one,) = kept
        more = f"{len(lost)} more {'is' if len(lost) == 1 else 'are'}"
        tier = f"GitLab Free keeps one reviewer, {one}: {more} not asked by name"
        return asked.notes if said else (*asked.notes, tier)

    # --- under the lock ---------------------------------------------------------------------------------

    def _group_number(self, path: str) -> int | None:
        if path not in self._numbers:
            try:
                self._numbers[path] = self._gitlab.groups.get(path, with_projects=False).id
            except StatusError as error:
                if not error.hides:
                    raise
                self._numbers[path] = None
        return self._numbers[path]

    def _group(self, path: str) -> tuple[tuple[Person, ...], str]:
        """Its own members and those of the groups that it is in, and what is wrong if there are none."""
        if path not in self._groups:
            self._groups[path] = self._members(path)
        found = self._groups[path]
        if found is None:
            return (), f"nobody is asked of group {path}: there is none that the token's user sees"
        return found, "" if found else f"nobody is asked of group {path}: no active member is Developer or more"

    def _members(self, path: str) -> tuple[Person, ...] | None:
        try:
            members = self._gitlab.groups.get(path, lazy=True).members_all.list(get_all=True)
        except StatusError as error:
            if error.hides:
                return None
            raise
        return tuple(Person(m.id, m.username) for m in members if _active(m) and (m.access_level or 0) >= _DEVELOPER)

    def _user(self, name: str) -> tuple[tuple[Person, ...], str]:
        if name not in self._users:
            self._users[name] = self._looked_up(name)
        person, why = self._users[name]
        return ((person,) if person else ()), why

    def _looked_up(self, name: str) -> tuple[Person | None, str]:
        found = self._gitlab.users.list(username=name, get_all=True)
        user = next(iter(found), None)
        if user is None:
            return None, f"{name} is not asked for a review: there is no such user"
        if not _active(user):
            return None, f"{name} is not asked for a review: the account is {user.state}"
        return Person(user.id, user.username), ""

    def _who_may(self, project: str, people: Iterable[Person]) -> dict[Person, bool]:
        """Those who may push to the project, in their order; GitLab would leave the others out without a word.

        False of all who are asked where the project doesn't tell its members.
        """
        unknown = [person for person in people if (project, person.number) not in self._may]
        for start in range(0, len(unknown), _AT_ONCE):
            some = unknown[start : start + _AT_ONCE]
            able = self._developers(project, some)
            self._may |= {(project, one.number): None if able is None else one.number in able for one in some}
        found = {person: self._may[project, person.number] for person in people}
        return {person: may is not None for person, may in found.items() if may is not False}

    def _developers(self, project: str, people: Iterable[Person]) -> set[int] | None:
        """None where the project doesn't tell its members."""
        numbers = [person.number for person in people]
        try:
            place = self._gitlab.projects.get(project, lazy=True)
            members = place.members_all.list(get_all=True, query_parameters={"user_ids[]": numbers})
        except StatusError as error:
            if error.hides:
                return None
            raise
        return {member.id for member in members if (member.access_level or 0) >= _DEVELOPER}


def _active(person: Any) -> bool:  # noqa: ANN401 - an object of the library's, which has what GitLab sent
    return bool(getattr(person, "state", "active") == "active")
