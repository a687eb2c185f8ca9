"""A promotion's branch: its name, and what stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bot.config import Author, EnvironmentConfig, PathPattern, glob_match
from bot.decide.bases import is_kustomization
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, NotKnown
from bot.decide.trailers import PROMOTION
from bot.promotion import Unit
from bot.questions import Branches, ClosedRequests, Commits, OpenRequests, Question
from bot.repositories import Commit, MergeRequest, Repository, Rev

# No branch of the repository itself has one in its name.
_OF_A_FORK = ":"


@dataclass(frozen=True)
class Branch:
    """The promotion's branch as it stands: its head and the commits that the target's branch has not, newest first.

    `ours` are those that we made, `foreign` those that hold a person's work: theirs, and ours that they amended.
    What another configuration made in our name is foreign too, and `beyond` a file by which that is known.
    """

    name: str
    head: str | None
    ours: tuple[Commit, ...]
    foreign: tuple[Commit, ...]
    beyond: str = ""


def is_of_fork(request: MergeRequest) -> bool:
    """Whether its branch is another repository's: adapters write the fork's owner before it."""
    return _OF_A_FORK in request.source_branch


def branches_of(target: EnvironmentConfig) -> Branches:
    """Where all promotions' branches into an environment are now: one look for all of them, at the first question."""
    return Branches(target.repository.repository, target.branch_prefix)


def branch_name(target: EnvironmentConfig, unit: Unit) -> str:
    """The branch is named by target and unit alone, so that every run means the same one."""
    return target.branch_prefix + unit.name


def unit_of(target: EnvironmentConfig, branch: str) -> str:
    """The name of the unit that a branch is for, if it is called like a promotion's into the environment; else none."""
    return branch.removeprefix(target.branch_prefix) if branch.startswith(target.branch_prefix) else ""


def pin_branch(target: EnvironmentConfig, service: str) -> str:
    """The branch that proposes an image of its own for an overlay; no promotion's is called so."""
    return target.pin_prefix + service


def open_requests_of(ask: Ask, target: EnvironmentConfig) -> tuple[MergeRequest, ...]:
    """The open merge requests into an environment that are ours; what people open from our branches is not."""
    return tuple(one for one in open_requests_to(ask, target) if one.ours)


def open_requests_to(ask: Ask, target: EnvironmentConfig) -> tuple[MergeRequest, ...]:
    """The open merge requests into an environment from branches that are called like ours, whosever they are."""
    return tuple(
        request
        for request in ask.maybe(OpenRequests(target.repository.repository)) or ()
        if request.target_branch == target.repository.branch and unit_of(target, request.source_branch)
    )


def requests_from(ask: Ask, target: Snapshot, branch: str) -> tuple[MergeRequest, ...]:
    """The open merge requests from a branch, whosever they are and wherever they go."""
    requests = ask.maybe(OpenRequests(target.rev.repository)) or ()
    return tuple(request for request in requests if request.source_branch == branch)


def open_request(ask: Ask, target: Snapshot, branch: str) -> MergeRequest | None:
    """The open merge request from a branch to the target's."""
    base = target.environment.repository.branch
    return next((one for one in requests_from(ask, target, branch) if one.target_branch == base), None)


def of_its_commit(ask: Ask, repository: Repository, request: MergeRequest) -> tuple[MergeRequest, ...]:
    """The other open merge requests with the same head, whosever they are and wherever they go."""
    return tuple(one for one in of_commit(ask, repository, request.head) if one.number != request.number)


def of_commit(ask: Ask, repository: Repository, head: str | None) -> tuple[MergeRequest, ...]:
    """The open merge requests with this head; those without any have none in common."""
    requests = ask.maybe(OpenRequests(repository)) or ()
    return tuple(one for one in requests if head and one.head == head)


def has_none_open(ask: Ask, target: Snapshot, unit: Unit) -> bool:
    """Whether it is known already that no merge request is open from a unit's branch."""
    requests, branch = ask.known(OpenRequests(target.rev.repository)), branch_name(target.environment, unit)
    return requests is not None and branch not in {one.source_branch for one in requests}


def branch_questions(ask: Ask, target: Snapshot, unit: Unit) -> Iterator[Question[Any]]:
    """What deciding about a unit's branch begins with."""
    yield OpenRequests(target.rev.repository)
    yield from questions_about(ask, target.environment, target.rev, branch_name(target.environment, unit))


def questions_about(ask: Ask, target: EnvironmentConfig, base: Rev, branch: str) -> Iterator[Question[Any]]:
    """What `branch_at` will ask, by where the forge says the branch is: as a rule Git says the same.

    Of a branch that is there without a merge request, the next question is who closed it.
    """
    repository = base.repository
    yield branches_of(target)
    requests = ask.known(OpenRequests(repository))
    heads = [one.head for one in requests or () if one.source_branch == branch]
    yield from (Commits(repository, base.commit, head, paths=True) for head in heads)
    if requests is not None and not heads and (head := (ask.known(branches_of(target)) or {}).get(branch)):
        yield Commits(repository, base.commit, head, paths=True)
        yield ClosedRequests(repository, branch)


@dataclass(frozen=True)
class Mark:
    """What tells our commits on a branch: who made them, a trailer's key and value, and whose files they change.

    Another configuration may have an environment of the same name and the same author, but not its files.
    """

    author: Author
    key: str
    value: str
    environment: EnvironmentConfig

    def is_on(self, commit: Commit) -> bool:
        """Whether a commit is in our name, and nothing that it changes is beyond the environment."""
        return self.names(commit) and self.beyond(commit) is None

    def names(self, commit: Commit) -> bool:
        """Whether it says that it is ours."""
        return commit.author_email == self.author.email and self.value in commit.trailer(self.key)

    def beyond(self, commit: Commit) -> str | None:
        """A file that it changes and that none of the environment's paths fits; kustomizations list others' files."""
        return _beyond(self.environment.paths, self.environment.exclude, commit.paths)


@lru_cache(maxsize=1 << 12)
def _beyond(within: tuple[str, ...], exclude: tuple[str, ...], paths: tuple[str, ...]) -> str | None:
    """Looked up once: each service of a group asks it of the commit that all of them share."""
    patterns = [PathPattern(pattern) for pattern in within]
    for path in paths:
        fits = any(pattern.match(path) is not None for pattern in patterns) and not any(
            glob_match(glob, path) for glob in exclude
        )
        if not fits and not is_kustomization(path):
            return path
    return None


def promotion_mark(author: Author, environment: EnvironmentConfig, unit: str) -> Mark:
    """What our commits have that promote a unit of this name into an environment."""
    return Mark(author, PROMOTION, f"{environment.name}/{unit}", environment)


def read_branch(ask: Ask, target: Snapshot, unit: Unit, author: Author) -> Branch:
    """How the unit's branch stands towards the target's branch."""
    name = branch_name(target.environment, unit)
    return branch_at(ask, target.rev, name, promotion_mark(author, target.environment, unit.name))


def branch_at(ask: Ask, base: Rev, name: str, mark: Mark) -> Branch:
    """How a branch stands towards a commit, where ours are the commits with this mark."""
    target = mark.environment
    pins = Branches(base.repository, target.pin_prefix)
    look = pins if name.startswith(target.pin_prefix) else branches_of(target)
    head = (ask.maybe(look) or {}).get(name)
    return Branch(name, None, (), ()) if head is None else _branch(ask, base, name, head, mark)


def branch_behind(ask: Ask, base: Rev, request: MergeRequest, mark: Mark) -> Branch:
    """How the branch of an open merge request stands; of one of ours whose branch is gone, how that was in the end.

    What a stranger opened from a repository of their own says nothing: only who may push here has a branch here.
    """
    branch = branch_at(ask, base, request.source_branch, mark)
    if branch.head is not None or not request.ours:
        return branch
    try:
        return replace(_branch(ask, base, request.source_branch, request.head, mark), head=None)
    except NotKnown:
        return branch  # its commits are gone as well


def _branch(ask: Ask, base: Rev, name: str, head: str, mark: Mark) -> Branch:
    commits = ask.maybe(Commits(base.repository, base.commit, head, paths=True)) or ()
    ours = tuple(commit for commit in commits if mark.is_on(commit))
    foreign = tuple(c for c in commits if c not in ours or c.committer_email != mark.author.email)
    beyond = next((path for c in commits if mark.names(c) and (path := mark.beyond(c))), "")
    return Branch(name, head, ours, foreign, beyond)
