"""What commands answer of merge requests."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict  # pydantic can't read typing's before Python 3.12

from bot.cli.answers.words import OneOf
from bot.repositories import RequestState, StatusState


class HeadStatus(TypedDict):
    """What promobot's own status on a merge request's head says."""

    state: Annotated[str, OneOf(StatusState)]
    description: str


class MergeRequest(TypedDict):
    """`mr ready`, `mr merge` and `mr close`."""

    repository: str
    number: int
    title: str
    state: Annotated[str, OneOf(RequestState)]
    source_branch: str
    target_branch: str
    head: str
    author: str
    reviewers: list[str]
    labels: list[str]
    ended_by: str
    reason: str
    draft: bool
    url: str


class MergeRequestListed(MergeRequest):
    """One of `mr list`."""

    status: HeadStatus | None


class MergeRequestShown(MergeRequestListed):
    """`mr show`."""

    body: str
    note: str
    diff: str
