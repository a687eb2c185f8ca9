"""Merge requests: what is said of a status that nobody asked for, and of an end that nobody is known to have made."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace

import pytest

from bot.cli.mr import _again, _row, _state, _user
from bot.repositories import CommitStatus, MergeRequest, Repository, RequestState, StatusState
from tests.paper import CONFIG, SHOP

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


@pytest.mark.parametrize(
    ("branch", "hint"),
    [
        ("promobot/staging/api", "`promobot promote api --to staging --reopen` proposes it again"),
        ("promobot/staging/+x", "`promobot promote SERVICE… --to staging --reopen` proposes it again"),
        ("promobot-pin/staging/api", "`promobot pin api --env staging` proposes it again"),
        ("ann/mine", "it isn't promobot's: reopen it where it is, or open another"),
    ],
)
def test_what_was_closed_is_proposed_again_by_whatever_proposed_it(branch: str, hint: str) -> None:
    assert _again(CONFIG, SHOP, replace(REQUEST, source_branch=branch)) == hint


def test_who_has_no_name_on_this_machine_is_called_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_000_650_000)
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    assert _user() == "user 1000650000"
    monkeypatch.setenv("USER", "ann")
    assert _user() == "ann"
