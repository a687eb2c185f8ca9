"""Opens a pull request once, whatever answers are lost on the way, and asks for its reviewers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from bot.errors import ForgeError
from bot.forges.errors import StatusError
from bot.forges.github.asking import ask_for_reviews
from bot.forges.github.pulls import Pulls
from bot.forges.port import Opened
from bot.network.retry import pause
from bot.repositories import MergeRequest, RequestDraft

_ATTEMPTS = 4
_LONGEST_LABEL = 50
_INVALID = 422


def open_request(pulls: Pulls, draft: RequestDraft, *, sleep: Callable[[float], None] = time.sleep) -> Opened:
    """Open, or adopt as it is the one that is open between the two branches. Raises ForgeError."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            made = _create(pulls, draft)
        except StatusError as error:
            if error.status != _INVALID:
                raise
            found = pulls.between(draft.source_branch, draft.target_branch)
            if found is not None:
                return (
                    _furnished(pulls, found, draft, created=False) if found.unfinished else Opened(found, created=False)
                )
            if not _may_pass(error) or attempt == _ATTEMPTS:
                raise _refused(pulls, draft, error) from None
            sleep(pause(attempt))
        else:
            return _furnished(pulls, made, draft, created=True)
    raise AssertionError("the last attempt returns or raises")


def _create(pulls: Pulls, draft: RequestDraft) -> MergeRequest:
    project = pulls.client.project(pulls.project)

    def write() -> MergeRequest:
        made = project.create_pull(
            base=draft.target_branch, head=draft.source_branch, title=draft.title, body=draft.body, draft=draft.draft
        )
        return pulls.of_rest(made)

    return pulls.client.certain(write, lambda: pulls.between(draft.source_branch, draft.target_branch))


def _may_pass(error: StatusError) -> bool:
    """Whether a part of GitHub is behind: the branch just pushed, or the merge request just opened, isn't seen yet."""
    return any(text == "head: invalid" or "already exists" in text for text in error.said)


def _refused(pulls: Pulls, draft: RequestDraft, error: StatusError) -> ForgeError:
    for place, branch in (("head", draft.source_branch), ("base", draft.target_branch)):
        if f"{place}: invalid" in error.said:
            return ForgeError(f"{pulls.project} has no branch {branch}", hint="push it first")
    if any(text.startswith("No commits between") for text in error.said):
        return ForgeError(
            f"{draft.source_branch} of {pulls.project} is no different from {draft.target_branch}",
            hint="there is nothing to merge",
        )
    if any(text.startswith("Draft pull requests are not supported") for text in error.said):
        return ForgeError(
            f"{pulls.project} can have no drafts, and what {draft.source_branch} proposes is to be one",
            hint="a private repository needs a plan of GitHub's that has them; or do without `when_missing: copy`, and "
            "`draft` of merge_requests",
        )
    return error


def _furnished(pulls: Pulls, made: MergeRequest, draft: RequestDraft, *, created: bool) -> Opened:
    """With reviewers, then labels, which tell that it is done. It does no harm to ask twice, as they are only added."""
    invited = ask_for_reviews(pulls, made.number, draft.reviewers)
    unassigned = _assign(pulls, made, draft.assignees) if draft.assignees else ()
    labels = tuple(dict.fromkeys(label[:_LONGEST_LABEL] for label in draft.labels))
    if labels:
        # PyGithub would send a bare list, which GitHub takes and nowhere describes.
        url = f"/repos/{pulls.project}/issues/{made.number}/labels"
        requester = pulls.client.requester
        pulls.client.certain(
            lambda: requester.requestJsonAndCheck("POST", url, input={"labels": list(labels)}), lambda: None
        )
        made = replace(made, labels=labels)
    made = replace(made, reviewers=invited.names or made.reviewers, approvals=made.approvals or (), unfinished=False)
    unruled = ("GitHub has no approval rules of a pull request's own: protect the branch",) if draft.rules else ()
    return Opened(made, created, (*invited.notes, *unassigned, *unruled))


def _assign(pulls: Pulls, made: MergeRequest, logins: Iterable[str]) -> tuple[str, ...]:
    """GitHub itself leaves out whom it can't assign; what else it says against it is told, and is no reason to stop."""
    url = f"/repos/{pulls.project}/issues/{made.number}/assignees"
    told = {"assignees": list(logins)}
    requester = pulls.client.requester
    try:
        pulls.client.certain(lambda: requester.requestJsonAndCheck("POST", url, input=told), lambda: None)
    except StatusError as error:
        if not (error.hides or error.status == _INVALID):
            raise
        return (f"it is assigned to nobody: {'; '.join(error.said)}",)
    return ()
