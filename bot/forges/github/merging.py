"""Merges the commit that was looked at, and no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from github.Repository import Repository

from bot.errors import ConflictError
from bot.forges.errors import StatusError
from bot.forges.github import queries
from bot.forges.github.client import GraphError
from bot.forges.github.pulls import Pulls
from bot.forges.github.queries import Pulled
from bot.network.retry import pause
from bot.repositories import MergeRequest, RequestState

_log = logging.getLogger(__name__)

_MOVED, _REFUSED = 409, 405
# It takes GitHub some seconds to find out whether branches go together.
_LOOKS = 6
_UPDATE = "bring the source branch up to date with the target branch"


def merge(pulls: Pulls, number: int, head: str, *, sleep: Callable[[float], None] = time.sleep) -> MergeRequest:
    """Merge, if the branch is still at `head`. Raises ConflictError where it isn't, or where GitHub won't merge."""
    project = pulls.client.whole_project(pulls.project)
    refusal: StatusError | None = None
    for attempt in range(1, _LOOKS + 1):
        found = pulls.get(number)
        if found.request.state is RequestState.MERGED and found.request.head == head:
            return found.request
        must_be_mergeable(pulls, found, head)
        if found.state != "UNKNOWN" or attempt == _LOOKS:
            refusal = refused(pulls, project, number, head)
            if refusal is None:
                clean_up(pulls, found, project)
                return pulls.get(number).request
        sleep(pause(attempt))
    raise _not_merged(pulls, number, refusal)


def refused(pulls: Pulls, project: Repository, number: int, head: str) -> StatusError | None:
    """Why it isn't merged, where that may pass, or a look will tell it in our words; None where it is."""
    try:
        _put(pulls, project, number, head)
    except StatusError as error:
        if error.status not in {_MOVED, _REFUSED}:
            raise
        # The target's branch moved in that moment; what else is refused with this status stays so, if it isn't merged.
        soon = error.status == _MOVED or any(text.startswith("Base branch was modified") for text in error.said)
        if not soon and pulls.get(number).request.state is not RequestState.MERGED:
            raise _not_merged(pulls, number, error) from None
        return error
    return None


def clean_up(pulls: Pulls, found: Pulled, project: Repository) -> None:
    """The source branch goes, unless it is the default one or somebody has pushed to it meanwhile."""
    branch = found.request.source_branch
    if project.delete_branch_on_merge or branch == project.default_branch or ":" in branch:
        return
    told = {"repository": found.repository, "name": f"refs/heads/{branch}", "head": found.request.head}
    try:
        pulls.client.mutate(queries.DELETE, lambda: None, **told, nothing=queries.NOTHING)
    except GraphError as error:
        _log.info("branch %s of %s stays: %s", branch, pulls.project, error)


def _put(pulls: Pulls, project: Repository, number: int, head: str) -> None:
    pull = pulls.client.pull(pulls.project, number)
    method = method_of(project)

    def look() -> bool | None:
        return pulls.get(number).request.state is RequestState.MERGED or None

    pulls.client.certain(lambda: pull.merge(sha=head, merge_method=method).merged, look)


def method_of(project: Repository) -> str:
    """A merge commit where the repository allows that, since it keeps our commit as it is."""
    if project.allow_merge_commit:
        return "merge"
    return "squash" if project.allow_squash_merge else "rebase"


def must_be_mergeable(pulls: Pulls, found: Pulled, head: str) -> None:
    """Raises ConflictError where it is closed or a draft, where a branch moved, or where the branches conflict."""
    request, name = found.request, f"{pulls.project}!{found.request.number}"
    must_be_open(pulls.project, request)
    if request.draft:
        raise ConflictError(
            f"merge request {name} is a draft",
            hint=f"look at what its text asks for, then `promobot mr ready '{name}'`",
        )
    if request.head != head:
        raise ConflictError(
            f"branch {request.source_branch} of merge request {name} is at {request.head}, not at {head}",
            hint="look at what changed, then merge that",
        )
    if request.needs_rebase:
        why = f"{request.target_branch} has moved on, and its rules want the source branch up to date with it first"
        raise ConflictError(f"{name}: {why}", hint=_UPDATE)
    if found.state == "DIRTY":
        raise ConflictError(f"{name}: the branches conflict", hint=_UPDATE)


def must_be_open(project: str, request: MergeRequest) -> None:
    """Raises ConflictError."""
    if request.state is not RequestState.OPEN:
        raise ended(project, request)


def ended(project: str, request: MergeRequest) -> ConflictError:
    """The error where something was to be done to one that is closed or merged."""
    return ConflictError(
        f"merge request {project}!{request.number} was {request.state.value} by {request.ender}",
        hint="`promobot mr list` shows those that are open",
    )


def _not_merged(pulls: Pulls, number: int, error: StatusError | None) -> ConflictError:
    why = "GitHub is still at it" if error is None else "; ".join(error.said) or error.message
    return ConflictError(
        f"{pulls.project}!{number} is not merged: {why}",
        hint="the target branch's rules ask for more: see the merge request",
    )
