"""Lists of merge requests: what is said of a status that nobody asked for."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from bot.cli.mr import _row
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
