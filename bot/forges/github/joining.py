"""How promobot has its own pull requests merged: at once where nothing is in the way, else by GitHub's auto-merge.

Or by its merge queue, where the target has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from github.Repository import Repository

from bot.errors import ConflictError
from bot.forges.certainty import must_go_into
from bot.forges.github import merging, queries
from bot.forges.github.client import GraphError
from bot.forges.github.pulls import Pulls
from bot.forges.github.queries import Pulled
from bot.forges.port import AutoMerge
from bot.network.retry import pause
from bot.repositories import RequestState

_LOOKS = 6
# https://docs.github.com/en/graphql/reference/enums#mergestatestatus: what passes when reviews and checks have.
_LATER = frozenset({"BLOCKED", "BEHIND"})
# As in "Pull request is in clean status": by now nothing is in the way, which the next looks will tell.
_BY_NOW = " status"


def begin(pulls: Pulls, number: int, head: str, into: str, *, sleep: Callable[[float], None] = time.sleep) -> AutoMerge:
    """Merge `head`, or let GitHub. Raises ConflictError where it may not be: see the port."""
    project = pulls.client.whole_project(pulls.project)
    found, why, before = pulls.get(number), "GitHub is still at it", ""
    for attempt in range(1, _LOOKS + 1):
        must_go_into(pulls.project, found.request, into)
        if (found.request.state is RequestState.MERGED and found.request.head == head) or found.request.auto_merge_by:
            return AutoMerge(found.request)
        if found.request.state is RequestState.OPEN and found.state == "DIRTY":
            return AutoMerge(found.request, "the branches conflict")
        merging.must_be_mergeable(pulls, found, head)
        if found.state != "UNKNOWN":
            before, (why, stays) = why, _joined(pulls, found, project)
            if why == "":
                return AutoMerge(pulls.get(number).request)
            if stays and why == before:
                break
        if attempt < _LOOKS:
            sleep(pause(attempt))
            found = pulls.get(number)
    return AutoMerge(found.request, why)


def hold(pulls: Pulls, number: int) -> bool:
    """Let GitHub no longer merge it by itself or by its queue; False where it wouldn't have."""
    found = pulls.get(number)
    if not found.request.auto_merge_by:
        return False
    try:
        _take_back(pulls, found)
    except GraphError:
        now = pulls.get(number)
        if not now.request.auto_merge_by:
            return False  # somebody else has done it in that moment, or it is merged
        if now.queued == found.queued:
            raise
        _take_back(pulls, now)  # the queue took it in that moment
    return True


def _take_back(pulls: Pulls, found: Pulled) -> None:
    number = found.request.number
    query = queries.DEQUEUE if found.queued else queries.HOLD
    pulls.client.mutate(query, lambda: None if pulls.get(number).request.auto_merge_by else {}, id=found.node)


def _joined(pulls: Pulls, found: Pulled, project: Repository) -> tuple[str, bool]:
    """Why it is neither merged nor will be by itself, empty where it is or will; and whether that stays so.

    Then it is said twice: what is refused may have changed since it was looked at.
    """
    if found.state in _LATER:
        why = _arm(pulls, found, project)
        return why, not why.endswith(_BY_NOW)
    return (_enqueue(pulls, found), True) if found.by_queue else _merge(pulls, found, project)


def _enqueue(pulls: Pulls, found: Pulled) -> str:
    """Why the queue won't take it, empty where it has. Repositories with a queue needn't allow auto-merge."""
    number = found.request.number
    try:
        pulls.client.mutate(
            queries.ENQUEUE,
            lambda: {} if pulls.get(number).request.auto_merge_by else None,
            id=found.node,
            head=found.request.head,
        )
    except GraphError as error:
        return error.words
    return ""


def _arm(pulls: Pulls, found: Pulled, project: Repository) -> str:
    """Why GitHub won't merge it by itself, empty where it will."""
    told = {"id": found.node, "method": merging.method_of(project).upper(), "head": found.request.head}
    try:
        pulls.client.mutate(queries.AUTO_MERGE, lambda: None, **told)
    except GraphError as error:
        return error.words
    return ""


def _merge(pulls: Pulls, found: Pulled, project: Repository) -> tuple[str, bool]:
    """Why it isn't merged, empty where it is; and whether that stays so, unlike where branches move."""
    try:
        refusal = merging.refused(pulls, project, found.request.number, found.request.head)
    except ConflictError as error:
        return error.message, True
    if refusal is not None:
        return "; ".join(refusal.said) or refusal.message, False
    merging.clean_up(pulls, found, project)
    return "", False
