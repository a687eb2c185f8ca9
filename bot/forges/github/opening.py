"""Opens a pull request once, whatever answers are lost on the way, and asks for its reviewers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bot.errors import ForgeError
from bot.forges.errors import StatusError
from bot.forges.github.pulls import Pulls
from bot.forges.port import Opened
from bot.network.retry import pause
from bot.repositories import MergeRequest, RequestDraft

_log = logging.getLogger(__name__)

_ATTEMPTS = 4
_LONGEST_LABEL = 50
_INVALID = 422


@dataclass(frozen=True)
class Reviewers:
    """Whom GitHub can ask: people by their logins, and teams of the repository's organization by their slugs."""

    users: tuple[str, ...]
    teams: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.users or self.teams)

    def alone(self) -> Iterable[Reviewers]:
        """Each by itself."""
        yield from (Reviewers((user,), ()) for user in self.users)
        yield from (Reviewers((), (team,)) for team in self.teams)


def open_request(
    pulls: Pulls, draft: RequestDraft, reviewers: Reviewers, *, sleep: Callable[[float], None] = time.sleep
) -> Opened:
    """Open, or adopt as it is the one that is open between the two branches. Raises ForgeError."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            made = _create(pulls, draft)
        except StatusError as error:
            if error.status != _INVALID:
                raise
            found = pulls.between(draft.source_branch, draft.target_branch)
            if found is not None:
                return Opened(_furnished(pulls, found, draft, reviewers) if found.unfinished else found, created=False)
            if not _may_pass(error) or attempt == _ATTEMPTS:
                raise _refused(pulls, draft, error) from None
            sleep(pause(attempt))
        else:
            return Opened(_furnished(pulls, made, draft, reviewers), created=True)
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
    return error


def _furnished(pulls: Pulls, made: MergeRequest, draft: RequestDraft, reviewers: Reviewers) -> MergeRequest:
    """With reviewers, then labels, which tell that it is done. It does no harm to ask twice, as they are only added."""
    if reviewers:
        made = replace(made, reviewers=_ask(pulls, made, reviewers))
    if draft.assignees:
        _assign(pulls, made, draft.assignees)
    labels = tuple(dict.fromkeys(label[:_LONGEST_LABEL] for label in draft.labels))
    if labels:
        # PyGithub would send a bare list, which GitHub takes and nowhere describes.
        url = f"/repos/{pulls.project}/issues/{made.number}/labels"
        requester = pulls.client.requester
        pulls.client.certain(
            lambda: requester.requestJsonAndCheck("POST", url, input={"labels": list(labels)}), lambda: None
        )
        made = replace(made, labels=labels)
    return replace(made, unfinished=False)


def _assign(pulls: Pulls, made: MergeRequest, logins: Iterable[str]) -> None:
    """GitHub itself leaves out whom it can't assign; what else it says against it is told, and is no reason to stop."""
    url = f"/repos/{pulls.project}/issues/{made.number}/assignees"
    told = {"assignees": list(logins)}
    requester = pulls.client.requester
    try:
        pulls.client.certain(lambda: requester.requestJsonAndCheck("POST", url, input=told), lambda: None)
    except StatusError as error:
        if error.status not in {403, 404, _INVALID}:
            raise
        _log.warning("%s is assigned to nobody: %s", made.url, "; ".join(error.said))


def _ask(pulls: Pulls, made: MergeRequest, reviewers: Reviewers) -> tuple[str, ...]:
    """Who could be asked: all at once, and where one of them can't be, each by itself."""
    try:
        _request(pulls, made.number, reviewers)
    except StatusError as error:
        if error.status != _INVALID:
            raise
    else:
        return (*reviewers.users, *reviewers.teams)
    asked: list[str] = []
    for one in reviewers.alone():
        try:
            _request(pulls, made.number, one)
        except StatusError as error:
            if error.status != _INVALID:
                raise
            who, why = (*one.users, *one.teams)[0], "; ".join(error.said)
            _log.warning("%s: %s is not asked for a review: %s", made.url, who, why)
        else:
            asked += (*one.users, *one.teams)
    return tuple(asked)


def _request(pulls: Pulls, number: int, reviewers: Reviewers) -> None:
    pull = pulls.client.pull(pulls.project, number)
    pulls.client.certain(
        lambda: pull.create_review_request(reviewers=list(reviewers.users), team_reviewers=list(reviewers.teams)),
        lambda: None,
    )
