"""The contract is neither lax nor wrong: what GitLab really said passes, and what it wouldn't say doesn't.

And the library that promobot uses reads what GitLab really said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gitlab
import pytest

from tests.doubles.contract.data import ABSENT, present
from tests.doubles.contract.gitlab import GITLAB, description, faults
from tests.doubles.http import Request, Response
from tests.doubles.server import Pass, serve

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)

RECORDED = GITLAB / "recorded"
_P = "/api/v4/projects/3"
_MR = f"{_P}/merge_requests/1"
# Each recording with the request that it answers.
EXCHANGES = {
    "glab/mergeableMr.json": _MR,
    "glab/mergedMr.json": _MR,
    "glab/mrList.json": f"{_P}/merge_requests",
    "glab/approvalState.json": f"{_MR}/approval_state",
    "go-gitlab/get_merge_request.json": _MR,
    "go-gitlab/get_merge_requests.json": f"{_P}/merge_requests",
    "go-gitlab/get_branch.json": f"{_P}/repository/branches/x",
    "go-gitlab/list_branches.json": f"{_P}/repository/branches",
    "go-gitlab/get_commit.json": f"{_P}/repository/commits/{'a' * 40}",
    "go-gitlab/get_project_access_token.json": "/api/v4/personal_access_tokens/self",
    "gitlab4j/approval-rule.json": f"{_P}/approval_rules",
    "gitlab4j/approval-state.json": f"{_MR}/approval_state",
    "gitlab4j/approvals.json": f"{_MR}/approvals",
    "gitlab4j/branch.json": f"{_P}/repository/branches/x",
    "gitlab4j/commit-status.json": f"{_P}/repository/commits/{'a' * 40}/statuses",
    "gitlab4j/compare-results.json": f"{_P}/repository/compare",
    "gitlab4j/members.json": f"{_P}/members/all",
    "gitlab4j/merge-request.json": _MR,
    "gitlab4j/merge-request-note.json": f"{_MR}/notes/1",
    "gitlab4j/pipeline.json": f"{_P}/pipelines/46",
    "gitlab4j/protected-branch.json": f"{_P}/protected_branches",
    "gitlab4j/repository-file.json": f"{_P}/repository/files/a%2Fb",
}
_OLDER = ("is a required property",)
# What of the recordings is not as described, by words of it, each with the reason.
KNOWN = {
    # Older than what is required by now: of 2019, or from a manual that is.
    "go-gitlab/get_merge_request.json": _OLDER,
    "go-gitlab/get_merge_requests.json": _OLDER,
    "go-gitlab/get_branch.json": _OLDER,
    "go-gitlab/list_branches.json": _OLDER,
    "go-gitlab/get_commit.json": _OLDER,
    "gitlab4j/branch.json": _OLDER,
    "gitlab4j/merge-request-note.json": _OLDER,
    # An option shows labels whole, and the collection doesn't know it; who tells of users was more talkative once.
    "glab/mrList.json": (*_OLDER, "label_details: not described", "created_at: not described"),
    "gitlab4j/merge-request.json": (*_OLDER, "email: not described", "created_at: not described"),
}


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_bytes())


def asked(target: str, method: str = "GET", body: object = None) -> Request:
    content = json.dumps(body).encode() if body is not None else b""
    return Request(method, target, {"Content-Type": "application/json"}, content, "https://gitlab.example")


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_was_recorded_passes(name: str) -> None:
    found = faults(asked(EXCHANGES[name]), Response(200, recorded(name)))
    unexpected = [fault for fault in found if not any(known in fault for known in KNOWN.get(name, ()))]
    assert unexpected == []


def test_reality_that_is_recent_and_whole_passes_without_exceptions() -> None:
    assert len(EXCHANGES.keys() - KNOWN.keys()) == 13
    assert {"glab/mergeableMr.json", "glab/mergedMr.json"}.isdisjoint(KNOWN)


def _changed(**names: object) -> dict[str, Any]:
    return {**recorded("glab/mergeableMr.json"), **names}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in recorded("glab/mergeableMr.json").items() if key != name}


@pytest.mark.parametrize(
    ("request_", "response", "fault"),
    [
        (asked(_MR), Response(200, _changed(iid="1") if present() else None), "'1' is not of type 'integer'"),
        (asked(_MR), Response(200, _changed(mergable=True) if present() else None), "mergable: not described"),
        (asked(_MR), Response(200, _without("sha") if present() else None), "'sha' is a required property"),
        (asked(_MR), Response(200, _changed(author={"id": 1}) if present() else None), "required property"),
        (
            asked(_MR),
            Response(200, _changed(created_at="today") if present() else None),
            "'today' is not a 'date-time'",
        ),
        (asked(_MR), Response(202, _changed() if present() else None), "status 202 is not described"),
        (asked(_MR), Response(404, {"words": 1}), "a refusal without words"),
        (asked(f"{_P}/merge_request/1"), None, "no such operation"),
        (asked(f"{_P}/merge_requests?stat=opened"), None, "query.stat: not described"),
        (asked(f"{_P}/merge_requests", "POST", {"title": "t"}), None, "request.source_branch: required"),
        (asked(_MR, "PUT", {"tittle": "t"}), None, "request.tittle: not described"),
        (asked(_MR, "PUT", {"state_event": "closed"}), None, "'closed' is not one of"),
        (asked(_MR, "PUT", {"reviewer_ids": ["ann"]}), None, "'ann' is not of type 'integer'"),
        (asked(f"{_MR}/merge?sha=1&when=now", "PUT"), None, "query.when: not described"),
        (asked(f"{_MR}/notes", "POST", {"text": "t"}), None, "request.text: not described"),
        (asked(f"{_MR}/notes/1"), Response(200, {"id": 1}), "'body' is a required property"),
        (asked(f"{_MR}/approvals"), Response(200, {"approved_by": 3}), "is a number, where a list was recorded"),
        (asked(f"{_P}/pipelines/1"), Response(200, {"id": "1"}), "'1' is not of type 'integer'"),
    ],
)
def test_what_gitlab_would_not_say_does_not(request_: Request, response: Response | None, fault: str) -> None:
    assert any(fault in found for found in faults(request_, response)), faults(request_, response)


def test_a_list_of_people_may_be_a_text_and_parameters_come_where_they_like() -> None:
    assert faults(asked(_MR, "PUT", {"labels": "a,b", "reviewer_ids": [1, 2]}), None) == []
    assert faults(asked(f"{_MR}/merge?sha=1&auto_merge=true", "PUT"), None) == []
    assert faults(asked(f"{_P}/merge_requests?iids[]=1&page=2&per_page=100&state=opened"), None) == []


def test_every_operation_is_found_by_its_path() -> None:
    found = description().operation("GET", "/api/v4/projects/a%2Fb/merge_requests/1/notes")
    assert str(found) == "GET /api/v4/projects/{id}/merge_requests/{merge_request_iid}/notes"


# --- python-gitlab --------------------------------------------------------------------------------------


@dataclass
class Recordings:
    """An app that answers with what was recorded."""

    def route(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        names = [name for name, target in EXCHANGES.items() if target == request.path]
        return Response(200, recorded(names[0])) if names else Response(404, {"message": "404 Not found"})

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        raise AssertionError(f"{request} for {project}, {write}")

    def pushed(self, project: str) -> None:
        """Nobody does."""


@pytest.fixture
def project() -> Iterator[Any]:
    with serve(Recordings()) as running, gitlab.Gitlab(running.url, private_token="x") as client:
        yield client.projects.get(3, lazy=True)


def test_the_library_reads_what_was_recorded(project: Any) -> None:
    request = project.mergerequests.get(1)
    assert (request.iid, request.state, request.detailed_merge_status) == (123, "opened", "mergeable")
    assert request.head_pipeline["status"] == "skipped"
    assert [one.iid for one in project.mergerequests.list(get_all=True)] == [
        one["iid"] for one in recorded("glab/mrList.json")
    ]
    assert request.author["username"] == "OWNER"
    assert project.branches.list(get_all=True)[0].commit["id"]
    assert project.members_all.list(get_all=True)[0].access_level == 30
    lazy = project.mergerequests.get(1, lazy=True)
    assert lazy.notes.get(1).body == "Comment for MR"
    assert lazy.approvals.get().approvals_left == 1
    assert lazy.approval_state.get().rules[0]["name"] == "All Members"
    assert project.commits.get("a" * 40, lazy=True).statuses is not None
    assert project.repository_compare("a", "b")["commits"][0]["title"] == "JS fix"
    assert project.protectedbranches.get is not None
