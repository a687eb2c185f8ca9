"""The life of pull requests: what pushes, reviews and people make of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias

from bot.errors import ConflictError
from bot.forges.local import merging
from tests.doubles.github import making
from tests.doubles.github.accounts import Role
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.state import Project, Protection, Pull, Queued, Review
from tests.doubles.repository import Repository

Verdict: TypeAlias = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED"]
# Of `Project.merge_state`, what may be merged.
READY = frozenset({"clean", "unstable"})
# What the names of its queues' branches begin with.
_QUEUES = "gh-readonly-queue/"


def sync(project: Project, now: datetime, *, latency: int) -> None:
    """Let pull requests follow what was pushed; `latency` is how often one is read before it is known to merge."""
    heads = project.repository.heads()
    for pull in project.open_pulls:
        head = pull.head if pull.fork else heads.get(pull.source)
        base = heads.get(pull.target)
        # One whose branch is deleted is closed; nothing else happens to it any more.
        if head is None or base is None:
            close(pull, "", now)
            continue
        if (head, base) == (pull.head, pull.base):
            continue
        if head != pull.head:
            _moved(project, pull, head, now)
        pull.base, pull.computing = base, latency
        project.repository.git("update-ref", f"refs/pull/{pull.number}/head", head)
        if project.repository.contains(base, head):
            pull.merge_commit = _first_with(project.repository, head, base)
            pull.merged = pull.closed = now
            pull.closed_by = project.owner
    settle(project, now)


def _moved(project: Project, pull: Pull, head: str, now: datetime) -> None:
    pull.head, pull.updated = head, now
    if project.asked(pull.target).dismiss_stale:
        for review in pull.reviews:
            review.state = "DISMISSED" if review.state == "APPROVED" else review.state


def _first_with(repository: Repository, head: str, base: str) -> str:
    """The commit of the branch itself by which it came to have `head`."""
    own = repository.git("rev-list", "--first-parent", "--ancestry-path", f"{head}..{base}").splitlines()
    return own[-1] if own else head


def settle(project: Project, now: datetime) -> None:
    """Merge what was to be merged as soon as it may be."""
    for pull in project.open_pulls:
        wanted = pull.auto_merge
        if wanted is None or project.merge_state(pull) not in READY:
            continue
        if pull.target in project.queues:
            enqueue(project, pull, pull.id, wanted.login, now)
        else:
            merge(project, pull, login=wanted.login, method=wanted.method, now=now)
    line_up(project, now)


# --- the merge queue ------------------------------------------------------------------------------------


def enqueue(project: Project, pull: Pull, number: int, login: str, now: datetime) -> None:
    """Where it is queued its auto-merge is no more: https://github.com/objectstack-ai/objectstack/issues/14605."""
    pull.queued, pull.auto_merge = Queued(number, login, pull.head), None
    line_up(project, now)


def dequeue(project: Project, pull: Pull, now: datetime) -> Queued | None:
    """Take it out of the queue; its place there, if it had one."""
    queued, pull.queued = pull.queued, None
    line_up(project, now)
    return queued


def line_up(project: Project, now: datetime) -> None:
    """Give each in a queue its branch: the target's newest commit, what is before it in the queue, and itself.

    When one before it goes, those behind are made anew; what conflicts is removed.
    https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue#how-merge-queues-work
    """
    if not project.queues:
        return
    heads = project.repository.heads()
    ahead = {target: heads.get(target, "") for target in project.queues}
    for pull in _in_line(project):
        queued = pull.queued
        if queued is not None and queued.base != ahead[pull.target]:
            queued = pull.queued = _grouped(project, pull, queued, ahead[pull.target], now)
        ahead[pull.target] = queued.commit if queued else ahead[pull.target]
    wanted = {pull.queued.branch: pull.queued.commit for pull in _in_line(project) if pull.queued}
    there = {name: head for name, head in heads.items() if name.startswith(_QUEUES)}
    for name in wanted.keys() | there.keys():
        if wanted.get(name) != there.get(name):
            project.repository.move(name, wanted.get(name), there.get(name))


def _in_line(project: Project) -> list[Pull]:
    """What is queued, the first first."""
    queued = ((pull.queued.id, pull.number) for pull in project.open_pulls if pull.queued)
    return [project.pulls[number] for _, number in sorted(queued) if project.pulls[number].target in project.queues]


def _grouped(project: Project, pull: Pull, queued: Queued, base: str, now: datetime) -> Queued | None:
    """The same on top of another commit. Names of branches: https://github.com/pulumi/pulumi/pull/18488."""
    try:
        made = making.merge_commit(project, pull, base, queued.head, login=queued.login, now=now)
    except ConflictError:
        return None
    return replace(queued, base=base, commit=made, branch=f"{_QUEUES}{pull.target}/pr-{pull.number}-{base}")


def land(project: Project, now: datetime) -> None:
    """Let the queue merge what is in it, as it was when it got there, whatever was pushed since.

    https://github.com/kgateway-dev/kgateway/issues/10802

    It waits until all that the target requires is said of the commit that it made, merges just that one, and removes
    what failed, the first in the queue first.
    https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue#how-merge-queues-work
    """
    waiting = set[str]()
    for pull in _in_line(project):
        queued = pull.queued
        if queued is None or pull.target in waiting:
            continue  # it conflicted since, or has to wait for what is before it
        said = project.conclusions(queued.commit)
        states = {said.get(context, "pending") for context in project.asked(pull.target).contexts}
        if "failure" in states:
            dequeue(project, pull, now)
        elif "pending" in states:
            waiting.add(pull.target)
        else:
            _ended(project, pull, queued.commit, queued.base, login=queued.login, now=now)


def close(pull: Pull, login: str, now: datetime) -> None:
    if pull.open:
        pull.closed = pull.updated = now
        pull.closed_by = login
        pull.auto_merge = pull.queued = None


def reopen(project: Project, pull: Pull, now: datetime) -> None:
    head = project.repository.head(pull.source)
    if pull.merged or head is None:
        why = "The pull request is merged." if pull.merged else "The branch was deleted."
        raise RefusedError(Refused.NOT_REOPENED, why=why)
    must_be_alone(project, pull.source, pull.target)
    pull.closed, pull.closed_by, pull.updated = None, "", now
    pull.head = head


def must_be_alone(project: Project, source: str, target: str) -> None:
    if any((pull.fork, pull.source, pull.target) == ("", source, target) for pull in project.open_pulls):
        raise RefusedError(Refused.EXISTS, owner=project.owner, head=source)


def review(pull: Pull, number: int, login: str, state: Verdict, now: datetime, *, body: str = "") -> Review:
    if login == pull.login and state != "COMMENTED":
        raise RefusedError(Refused.OWN_APPROVAL)
    given = Review(number, login, state, pull.head, now, body)
    pull.reviews.append(given)
    # Who reviewed is no longer asked to.
    pull.reviewers = [name for name in pull.reviewers if name != login]
    return given


def merge(
    project: Project,
    pull: Pull,
    *,
    login: str,
    method: str = "merge",
    sha: str | None = None,
    message: str = "",
    now: datetime,
) -> str:
    """Merge as the site does, by a merge commit or a squashed one; the commit."""
    if pull.target in project.queues:
        raise RefusedError(Refused.QUEUE)
    must_merge(project, pull, method, sha)
    if not all(kept.get(pull.target, Protection()).lets(login) for kept in (project.protections, project.rules)):
        raise RefusedError(Refused.MAY_NOT_PUSH)
    repository, base = project.repository, project.repository.head(pull.target)
    assert base is not None
    if method == "squash":
        tree = merging.merged_tree(repository.directory, base, pull.head)
        text = message or making.squash_message(repository, pull, base)
        made = making.commit(repository, tree, (base,), text, author=making.signature(login), now=now)
    else:
        made = making.merge_commit(project, pull, base, pull.head, login=login, now=now, message=message)
    _ended(project, pull, made, base, login=login, now=now)
    return made


def _ended(project: Project, pull: Pull, made: str, base: str, *, login: str, now: datetime) -> None:
    if not project.repository.move(pull.target, made, base):
        raise RefusedError(Refused.BASE_MOVED)
    pull.merged = pull.closed = pull.updated = now
    pull.merge_commit, pull.closed_by = made, login
    pull.auto_merge = pull.queued = None
    if project.delete_branch_on_merge:
        project.repository.move(pull.source, None, pull.head)
    line_up(project, now)


def must_merge(project: Project, pull: Pull, method: str, sha: str | None) -> None:
    if pull.draft and pull.open:
        raise RefusedError(Refused.DRAFT)
    if not pull.open:
        raise RefusedError(Refused.NOT_MERGEABLE)
    if sha is not None and sha != pull.head:
        raise RefusedError(Refused.HEAD_MOVED)
    if method not in project.methods:
        raise RefusedError(Refused.METHOD, method=method.capitalize())
    if pull.computing:
        raise RefusedError(Refused.BASE_MOVED)
    if not project.merges(pull):
        raise RefusedError(Refused.NOT_MERGEABLE)
    if project.is_behind(pull):
        # What was said of a head that is behind counts for nothing.
        contexts = project.asked(pull.target).contexts
        several = len(contexts) > 1
        raise RefusedError(Refused.ALL_CHECKS if several else Refused.CHECKS, context=contexts[0], count=len(contexts))
    for kind, what in project.lacking(pull):
        if kind == "approvals":
            raise RefusedError(Refused.APPROVALS, count=what)
        raise RefusedError(Refused.CHECKS, context=what)


def request_reviewers(project: Project, pull: Pull, users: list[str], teams: list[str]) -> None:
    if pull.login in users:
        raise RefusedError(Refused.AUTHOR)
    strangers = [user for user in users if project.role(user) < Role.READ or user not in project.roles]
    if strangers or any(team not in project.teams for team in teams):
        raise RefusedError(Refused.NOT_COLLABORATORS, owner=project.owner, repo=project.name)
    pull.reviewers += [user for user in users if user not in pull.reviewers]
    pull.teams += [team for team in teams if team not in pull.teams]
