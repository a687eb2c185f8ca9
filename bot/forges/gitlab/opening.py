"""Opens a merge request once, whatever answers are lost and whoever else does, and asks for its reviewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.forges.certainty import certain
from bot.forges.errors import StatusError
from bot.forges.gitlab.lists import Lists
from bot.forges.gitlab.people import Asked, People
from bot.forges.gitlab.pipelines import is_preparing
from bot.forges.gitlab.refusals import explain, is_about
from bot.forges.gitlab.requests import body_of, request_of, title_of, unruled
from bot.forges.gitlab.rules import add_rules
from bot.forges.port import Opened
from bot.network.retry import ATTEMPTS, pause
from bot.repositories import MergeRequest, RequestDraft


@dataclass(frozen=True)
class After:
    """What is done to one that is there: closed for the one that stays, or freed of what says that it lacks rules.

    And its pipeline gets promobot's status, told whether GitLab had `prepared` it when it was made.
    """

    close: Callable[[int, MergeRequest], object]
    finish: Callable[[int], MergeRequest]
    follow: Callable[[MergeRequest, bool], None]


def open_request(
    project: str,
    draft: RequestDraft,
    lists: Lists,
    people: People,
    *,
    after: After,
    sleep: Callable[[float], None],
) -> Opened:
    """Open, or adopt the one that is open between the two branches. Raises ForgeError.

    GitLab looks before it makes one, so that two who ask at once may both get one: it is looked at afterwards, and
    the one with the lowest number stays, and ours is closed if it isn't that. It gets its own rules last, and says so
    long that it lacks them: what a run that ended did not do does who adopts it.
    """
    asked = people.asked(project, draft.reviewers, without=lists.me.user)

    def between() -> tuple[MergeRequest, ...]:
        return lists.between("opened", draft.source_branch, target_branch=draft.target_branch)

    fields = _fields(draft, asked, people)
    made, prepared = _create(project, lists, fields, lambda: next(iter(between()), None), sleep)
    lowest, *others = between() or (made.request,)
    for other in others:
        if other.number == made.request.number and made.created:
            after.close(other.number, lowest)
    after.follow(lowest, prepared)
    created = made.created and lowest.number == made.request.number
    notes = people.notes(asked, made.request) if created else ()
    if made.created is not created or not lowest.unfinished:
        return Opened(lowest, created, notes)
    request = lists.project.mergerequests.get(lowest.number, lazy=True)
    lacking = tuple(add_rules(request, people, draft.rules, sleep=sleep)) if draft.rules else ()
    return Opened(after.finish(lowest.number), created, (*notes, *lacking))


def _fields(draft: RequestDraft, asked: Asked, people: People) -> dict[str, Any]:
    fields = {
        "source_branch": draft.source_branch,
        "target_branch": draft.target_branch,
        "title": title_of(draft.title, draft=draft.draft),
        "description": unruled(body_of(draft.body)) if draft.rules else body_of(draft.body),
        "labels": list(draft.labels),
        "reviewer_ids": [person.number for person in asked.people],
        "remove_source_branch": True,
    }
    assignees = people.users(draft.assignees)
    return {**fields, "assignee_ids": assignees} if assignees else fields


def _create(
    project: str,
    lists: Lists,
    fields: Mapping[str, Any],
    look: Callable[[], MergeRequest | None],
    sleep: Callable[[float], None],
) -> tuple[Opened, bool]:
    """One that is made, or found where GitLab says that there is one, or where it didn't say anything.

    And whether GitLab is through with what it does in the background to a new one.
    """

    def write() -> tuple[Opened, bool]:
        made = lists.project.mergerequests.create(fields).attributes
        return Opened(request_of(made, lists.me), created=True), not is_preparing(made)

    def found() -> tuple[Opened, bool] | None:
        request = look()
        return (Opened(request, created=request.author == lists.me.name), True) if request else None

    for attempt in range(1, ATTEMPTS + 2):
        try:
            return certain(write, found, sleep=sleep)
        except StatusError as error:
            there = look() if error.status == 409 else None
            if there is not None:
                return Opened(there, created=False), True
            # A branch that was just pushed may not be seen yet.
            if not is_about(error, "source_branch") or attempt == ATTEMPTS + 1:
                explain(error, project, fields)
            sleep(pause(attempt))
    raise AssertionError
