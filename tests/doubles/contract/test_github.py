"""The contract is neither lax nor wrong: what GitHub really said passes, and what it wouldn't say doesn't."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.doubles.contract import github
from tests.doubles.contract.data import ABSENT, present
from tests.doubles.contract.github import GITHUB, webhook_faults
from tests.doubles.http import Request, Response

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)

# Where the collection left a name out.
_LEFT_OUT = "\\u2026"
# What of the recordings is not as described, each with the reason.
_KNOWN = {
    # The client sends what GitHub does not know, and passes over.
    "CheckRun.testUpdateCheckRunAll.txt": "request.head_sha: not described",
    "Repository.testGetMatchingRefs.txt": "query.per_page: not described",
    # Recorded before GitHub said when it verified a commit.
    "Commit.testAttributes.txt": "'verified_at' is a required property",
    # An operation that is not in the collection, and whose path another one's may be, too.
    "Branch.testEditRequiredStatusChecksChecks.txt": "is a required property",
    "Branch.testEditRequiredStatusChecksContexts.txt": "is a required property",
}
_NEWER = {
    "issue_comment": {"performed_via_github_app", "reactions", "description", "active_lock_reason"},
    "pull_request": {"auto_merge"},
    "pull_request_review": {"active_lock_reason", "auto_merge", "draft", "has_discussions", "topics", "visibility"},
    "push": {"has_discussions", "topics", "visibility"},
    "release": {"immutable", "updated_at"},
    "status": {"verified_at"},
    "workflow_run": {"actor", "path", "triggering_actor"},
}


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, with bodies as JSON; None where there is none."""

    method: str
    target: str
    sent: object
    status: int
    content: Any

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status}"

    def faults(self) -> list[str]:
        body = b"" if self.sent is None else json.dumps(self.sent).encode()
        request = Request(self.method, self.target, {}, body, "https://api.github.com")
        return github.faults(request, Response(self.status, self.content))


def recorded() -> Iterator[tuple[str, str, Exchange]]:
    """Name, year and exchange of each recording of PyGithub's tests."""
    for line in (GITHUB / "recorded" / "pygithub-replaydata.jsonl").read_text().splitlines():
        row = json.loads(line.replace(_LEFT_OUT, "https://left-out.example"))
        year = row["headers"].get("date", "")[12:16]
        yield (
            row["source"],
            year,
            Exchange(row["method"], row["url"], row["request"], row["status"], row["response"]),
        )


def one(target: str, status: int = 200, method: str = "GET") -> Exchange:
    return next(found for _, _, found in recorded() if str(found) == f"{method} {target} -> {status}")


def changed(exchange: Exchange, **names: object) -> Exchange:
    return replace(exchange, content={**exchange.content, **names})


def test_what_github_says_today_is_as_described() -> None:
    today = [exchange for _, year, exchange in recorded() if year >= "2025"]
    assert len(today) >= 25
    assert [fault for exchange in today for fault in exchange.faults()] == []


def test_what_it_said_before_lacks_only_what_is_newer() -> None:
    judged = {(name, fault) for name, year, exchange in recorded() if year < "2025" for fault in exchange.faults()}
    assert {name for name, _ in judged} == _KNOWN.keys()
    assert {fault for name, fault in judged if _KNOWN[name] not in fault} == set()


def test_what_another_client_recorded_passes() -> None:
    files = (GITHUB / "recorded" / "octokit-fixtures").glob("*.json")
    rows = [row for file in files for row in json.loads(file.read_bytes())]
    exchanges = [
        Exchange(row["method"].upper(), row["path"], row["body"] or None, row["status"], row["response"] or None)
        for row in rows
        # These are asked for the file itself, and by an operation that is not in the collection.
        if not row["path"].endswith(("README.md", "/statuses"))
    ]
    described = [found for found in exchanges if github.description().operation(found.method, found.target)]
    assert len(described) >= 11
    assert [fault for exchange in described for fault in exchange.faults()] == []


def test_every_webhook_example_is_as_described_but_for_what_is_newer() -> None:
    examples: dict[str, list[dict[str, Any]]] = {
        file.stem: json.loads(file.read_bytes()) for file in (GITHUB / "webhook-examples").glob("*.json")
    }
    # Those of an App's installation say times in numbers, as they are no more.
    judged = {
        (event, fault)
        for event, payloads in examples.items()
        if event != "installation"
        for payload in payloads
        for fault in webhook_faults(event, payload) or ()
    }
    assert {event for event, _ in judged} <= _NEWER.keys()
    lacking = {(event, fault.rpartition(": ")[2]) for event, fault in judged}
    assert lacking <= {(event, f"{name!r} is a required property") for event, names in _NEWER.items() for name in names}
    assert webhook_faults("ping", examples["ping"][0]) == []
    assert webhook_faults("pull_request", examples["pull_request"][1]) is None, "nobody describes assigned"


PULL = "/repos/PyGithub/PyGithub/pulls/3370"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"number": "3370"}, ".number: '3370' is not of type 'integer'"),
        ({"merged_at": "yesterday"}, ".merged_at: 'yesterday' is not a 'date-time'"),
        ({"state": "merged"}, ".state: 'merged' is not one of ['open', 'closed']"),
        ({"url": "nowhere"}, ".url: 'nowhere' is not a 'uri'"),
    ],
)
def test_what_it_would_not_say_is_told(names: dict[str, object], words: str) -> None:
    pull = one(PULL)
    assert pull.faults() == []
    assert [fault.partition("response")[2] for fault in changed(pull, **names).faults()] == [words]


def test_what_lacks_a_name_is_told() -> None:
    pull = one(PULL)
    content = {name: value for name, value in pull.content.items() if name != "mergeable"}
    assert ["'mergeable' is a required property" in fault for fault in replace(pull, content=content).faults()] == [
        True
    ]


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (Exchange("GET", "/repos/o/r/pulls?sate=open", None, 200, []), "query.sate: not described"),
        (Exchange("GET", "/repos/o/r/pulls?state=merged", None, 200, []), "'merged' is not one of"),
        (Exchange("GET", "/repos/o/r/pulls?per_page=many", None, 200, []), "'many' is not of type 'integer'"),
        (Exchange("GET", "/repos/o/r/pulls/x", None, 404, {"message": "Not Found"}), "path.pull_number: 'x' is not"),
        (Exchange("GET", "/repos/o/r/pulls", {"state": "open"}, 200, []), "takes no body"),
        (Exchange("GET", "/repos/o/r/pulls", None, 418, {}), "status 418 is not described"),
        (Exchange("GET", "/repos/o/r/pulls", None, 403, b"<html>"), "is not JSON"),
        (Exchange("GET", "/repos/o/r/git/ref/heads/x", None, 404, {"message": 1}), "1 is not of type 'string'"),
        (Exchange("DELETE", "/repos/o/r/git/ref/heads/x", None, 204, None), "no such operation is described"),
        (Exchange("DELETE", "/repos/o/r/git/refs/heads/x", None, 204, {}), "has no body"),
        (Exchange("POST", "/repos/o/r/pulls", None, 422, {}), "a body is required"),
        (Exchange("POST", "/repos/o/r/pulls", {"head": "x"}, 403, {}), "'base' is a required property"),
        (
            Exchange("POST", "/repos/o/r/pulls", {"head": "x", "base": "y", "titel": ""}, 403, {}),
            "titel: not described",
        ),
        (Exchange("GET", "/graphql", None, 200, {}), "is asked by POST alone"),
        (Exchange("POST", "/graphql", {"query": "{ viewer { login } }"}, 418, {}), "status 418 is not described"),
    ],
)
def test_what_nobody_described_is_told(exchange: Exchange, words: str) -> None:
    assert any(words in fault for fault in exchange.faults()), exchange.faults()


def test_what_any_operation_may_be_answered_with_passes() -> None:
    hidden = Exchange("GET", "/repos/o/r/pulls", None, 404, {"message": "Not Found"})
    assert hidden.faults() == []
    assert replace(hidden, status=502, content=b"<html>").faults() == []
    assert replace(hidden, status=304, content=None).faults() == []


QUERY = 'query($n: Int!) { repository(owner: "o", name: "r") { pullRequest(number: $n) { id author { login } } } }'
ANSWER = {"data": {"repository": {"pullRequest": {"id": "PR_1", "author": {"login": "ann"}}}}}


@pytest.mark.parametrize(
    ("query", "answer", "words"),
    [
        (QUERY, ANSWER, ""),
        (QUERY, {"data": None, "errors": [{"message": "no"}]}, ""),
        (QUERY, {"data": {"repository": None}}, ""),
        (QUERY.replace("login", "logn"), ANSWER, "Cannot query field 'logn'"),
        (QUERY.replace("$n)", "$m)"), ANSWER, "Variable '$m' is not defined"),
        (QUERY + "}", ANSWER, "Syntax Error"),
        (QUERY, {"data": {"repository": {"pullRequest": {"author": None}}}}, "id was asked for"),
        (QUERY, {"data": {"repository": {"pullRequest": {"id": None, "author": None}}}}, "Cannot return null"),
        (QUERY, {"data": {"repository": None, "more": 1}}, "of which the query asked for"),
    ],
)
def test_graphql_is_held_to_the_schema(query: str, answer: dict[str, Any], words: str) -> None:
    said = Exchange("POST", "/graphql", {"query": query, "variables": {"n": 1}}, 200, answer).faults()
    assert any(words in fault for fault in said) if words else said == [], said
