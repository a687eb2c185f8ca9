"""What GitHub really said is read by PyGithub and by us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from github.CheckRun import CheckRun
from github.Commit import Commit
from github.GithubObject import CompletableGithubObject
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.forges.access import ForgeAccess
from bot.forges.github.connecting import Connecting
from bot.forges.github.pulls import Identity, Pulls
from bot.forges.github.queries import Queries
from bot.network.pace import Pace
from bot.repositories import RequestState
from tests.doubles.contract import github
from tests.doubles.contract.data import ABSENT, present
from tests.doubles.contract.test_github import recorded

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)

CLASSES: dict[str, type[CompletableGithubObject]] = {
    "GET /repos/{owner}/{repo}": Repository,
    "GET /repos/{owner}/{repo}/commits": Commit,
    "GET /repos/{owner}/{repo}/commits/{ref}": Commit,
    "GET /repos/{owner}/{repo}/issues/{issue_number}": Issue,
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments": IssueComment,
    "GET /repos/{owner}/{repo}/pulls/{pull_number}": PullRequest,
    "POST /repos/{owner}/{repo}/check-runs": CheckRun,
}


def said(*operations: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object that GitHub answered to one of these operations with, by itself or in a list."""
    for _, _, exchange in recorded():
        operation = str(github.description().operation(exchange.method, exchange.target.partition("?")[0]))
        if operation in operations and exchange.status in {200, 201}:
            found = exchange.content if isinstance(exchange.content, list) else [exchange.content]
            yield from ((operation, one) for one in found if "url" in one)


@pytest.fixture
def pulls() -> Pulls:
    access = ForgeAccess("hub", "https://github.com", "ghp_x")
    client = Connecting(access, None, Pace(1)).client("PyGithub/PyGithub")
    return Pulls(client, "PyGithub/PyGithub", Queries(teams=True), Identity("EnricoMi", "promobot"))


@pytest.mark.parametrize("operation", CLASSES)
def test_the_library_reads_it(pulls: Pulls, operation: str) -> None:
    found = [one for _, one in said(operation)]
    assert found
    for one in found:
        made = CLASSES[operation](pulls.client.requester, {}, dict(one), completed=True)
        assert made.raw_data["url"] == one["url"]
        for name in ("number", "sha", "login", "body", "state", "title", "full_name", "commit_id", "conclusion"):
            if name in one:
                assert getattr(made, name) == one[name], name


def test_a_merge_request_is_made_of_it(pulls: Pulls) -> None:
    found = [one for _, one in said("GET /repos/{owner}/{repo}/pulls/{pull_number}")]
    assert found
    for one in found:
        request = pulls.of_rest(PullRequest(pulls.client.requester, {}, dict(one), completed=True))
        assert (request.number, request.title, request.body) == (one["number"], one["title"], one["body"] or "")
        assert request.head == one["head"]["sha"]
        assert request.author == ("promobot" if one["user"]["login"] == "EnricoMi" else one["user"]["login"])
        fork = one["head"]["repo"]["full_name"] != one["base"]["repo"]["full_name"]
        assert request.source_branch == (one["head"]["label"] if fork else one["head"]["ref"])
        assert (request.state is RequestState.MERGED) == one["merged"]
        at = datetime.fromisoformat(one["merged_at"]) if one["merged_at"] else None
        assert (request.merged_at, request.url) == (at, one["html_url"])
        assert request.labels == tuple(label["name"] for label in one["labels"])
