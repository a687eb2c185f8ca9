"""A promotion's branch: its name, and what stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.config import Author, EnvironmentConfig
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask
from bot.decide.trailers import PROMOTION
from bot.promotion import Unit
from bot.questions import Absent, BranchHead, Commits, OpenRequests, Question
from bot.repositories import Commit, MergeRequest, Rev


@dataclass(frozen=True)
class Branch:
    """The promotion's branch as it stands: its head and the commits that the target's branch has not, newest first.

    `ours` are those that we made, `foreign` those that hold a person's work: theirs, and ours that they amended.
    """

    name: str
    head: str | None
    ours: tuple[Commit, ...]
    foreign: tuple[Commit, ...]


def branch_prefix(target: str) -> str:
    """What the names of all promotions' branches into an environment begin with."""
    return f"promobot/{target}/"


def branch_name(target: str, unit: Unit) -> str:
    """The branch is named by target and unit alone, so that every run means the same one."""
    return branch_prefix(target) + unit.name


def open_requests_of(ask: Ask, target: EnvironmentConfig) -> tuple[MergeRequest, ...]:
    """The open merge requests into an environment that are ours; what people open from our branches is not."""
    answer = ask(OpenRequests(target.repository.repository))
    return tuple(
        request
        for request in (answer.value if not isinstance(answer, Absent) else ())
        if request.ours
        and request.target_branch == target.repository.branch
        and request.source_branch.startswith(branch_prefix(target.name))
    )


def requests_from(ask: Ask, target: Snapshot, branch: str) -> tuple[MergeRequest, ...]:
    """The open merge requests from a branch, whosever they are and wherever they go."""
    answer = ask(OpenRequests(target.rev.repository))
    requests = answer.value if not isinstance(answer, Absent) else ()
    return tuple(request for request in requests if request.source_branch == branch)


def open_request(ask: Ask, target: Snapshot, branch: str) -> MergeRequest | None:
    """The open merge request from a branch to the target's."""
    base = target.environment.repository.branch
    return next((one for one in requests_from(ask, target, branch) if one.target_branch == base), None)


def branch_questions(ask: Ask, target: Snapshot, unit: Unit) -> Iterator[Question[Any]]:
    """What deciding about a unit's branch begins with."""
    yield OpenRequests(target.rev.repository)
    yield from questions_about(ask, target.rev, branch_name(target.environment.name, unit))


def questions_about(ask: Ask, base: Rev, branch: str) -> Iterator[Question[Any]]:
    """What `branch_at` will ask, by where the forge says the branch is: as a rule Git says the same."""
    yield BranchHead(base.repository, branch)
    requests = ask.known(OpenRequests(base.repository)) or ()
    yield from (Commits(base.repository, base.commit, one.head) for one in requests if one.source_branch == branch)


def read_branch(ask: Ask, target: Snapshot, unit: Unit, author: Author) -> Branch:
    """How the unit's branch stands towards the target's branch."""
    name = branch_name(target.environment.name, unit)
    return branch_at(ask, target.rev, name, author, (PROMOTION, f"{target.environment.name}/{unit.name}"))


def branch_at(ask: Ask, base: Rev, name: str, author: Author, trailer: tuple[str, str]) -> Branch:
    """How a branch stands towards a commit, where ours are the commits with a trailer of this key and value."""
    head = ask(BranchHead(base.repository, name))
    if isinstance(head, Absent):
        return Branch(name, None, (), ())
    answer = ask(Commits(base.repository, base.commit, head.value))
    commits = answer.value if not isinstance(answer, Absent) else ()
    key, value = trailer
    ours = tuple(c for c in commits if c.author_email == author.email and value in c.trailer(key))
    foreign = tuple(c for c in commits if c not in ours or c.committer_email != author.email)
    return Branch(name, head.value, ours, foreign)
