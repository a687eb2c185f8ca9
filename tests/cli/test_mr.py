"""Merge requests: what is said of a status that nobody asked for, and of an end that nobody is known to have made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from bot.cli.mr import _row, _state
from bot.repositories import CommitStatus, MergeRequest, Repository, RequestState, StatusState

ASKED, OTHER = Repository("work", "a/b"), Repository("gitlab", "c/d")
REQUEST = MergeRequest(3, "Bump", "", "x", "main", "1" * 40, RequestState.OPEN, "", "ann", ours=False)
GOOD = CommitStatus(StatusState.SUCCESS, "all are there")


@pytest.mark.parametrize(
    ("repository", "status", "asked", "cells"),
    [
        (ASKED, GOOD, {ASKED}, ["success"]),
        (ASKED, None, {ASKED}, [""]),
        (OTHER, None, {ASKED}, ["?"]),
        (OTHER, None, (), []),
    ],
)
def test_no_status_differs_from_one_that_nobody_asked_for(
    repository: Repository, status: CommitStatus | None, asked: Collection[Repository], cells: list[str]
) -> None:
    name = f"{repository.project}!3"
    assert [*_row(repository, REQUEST, status, asked)] == [name, "open", *cells, "", "Bump"]


def test_who_ended_it_may_not_be_known() -> None:
    assert _state(replace(REQUEST, state=RequestState.CLOSED)) == "closed by somebody"
    assert _state(replace(REQUEST, state=RequestState.MERGED, ended_by="ann")) == "merged by ann"
