"""Asks for reviews: all at once, and where GitHub refuses somebody, each by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.forges.errors import StatusError
from bot.forges.github.pulls import Pulls
from bot.repositories import Reviewers

_INVALID = 422


@dataclass(frozen=True)
class Invited:
    """Who was asked, and why others were not."""

    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def ask_for_reviews(pulls: Pulls, number: int, reviewers: Reviewers) -> Invited:
    """It does no harm to ask twice. A team is written `organization/team`, or by itself."""
    owner = pulls.project.partition("/")[0].lower()
    notes: list[str] = []
    teams: list[str] = []
    for name in reviewers.groups:
        organization, slash, slug = name.rpartition("/")
        if slash and organization.lower() != owner:
            notes.append(f"team {name} is not asked for a review: it is not of {owner}")
        else:
            teams.append(slug)
    users = [name for name in reviewers.users if name.lower() != pulls.me.login.lower()]
    if len(users) < len(reviewers.users):
        notes.append(f"{pulls.me.login} is not asked for a review: it opens the pull request")
    wanted = Reviewers(tuple(dict.fromkeys(teams)), tuple(users))
    asked = _ask(pulls, number, wanted) if wanted else Invited()
    return Invited(asked.names, (*notes, *asked.notes))


def _ask(pulls: Pulls, number: int, wanted: Reviewers) -> Invited:
    try:
        _request(pulls, number, wanted)
    except StatusError as error:
        if error.status != _INVALID:
            raise
    else:
        return Invited((*wanted.users, *wanted.groups))
    asked: list[str] = []
    notes: list[str] = []
    for one in _alone(wanted):
        try:
            _request(pulls, number, one)
        except StatusError as error:
            if error.status != _INVALID:
                raise
            kind = "team " if one.groups else ""
            notes.append(f"{kind}{one.names[0]} is not asked for a review: {_why(error)}")
        else:
            asked += one.names
    return Invited(tuple(asked), tuple(notes))


def _why(error: StatusError) -> str:
    """In its own words, but for those that nobody could make sense of: https://github.com/github/docs/issues/35057."""
    said = "; ".join(error.said).rstrip(".")
    return "the token may not read the organization's members" if "Could not resolve to a node" in said else said


def _alone(wanted: Reviewers) -> Iterable[Reviewers]:
    yield from (Reviewers(users=(user,)) for user in wanted.users)
    yield from (Reviewers(groups=(team,)) for team in wanted.groups)


def _request(pulls: Pulls, number: int, wanted: Reviewers) -> None:
    pull = pulls.client.pull(pulls.project, number)
    pulls.client.certain(
        lambda: pull.create_review_request(reviewers=list(wanted.users), team_reviewers=list(wanted.groups)),
        lambda: None,
    )
