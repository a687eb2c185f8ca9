"""The life of pull requests on the double, as on github.com."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.github import Protection, Role
from tests.doubles.github.conftest import PROJECT, REPO, World

MERGE = f"{REPO}/pulls/1/merge"


def test_what_is_opened_is_listed_and_found(world: World) -> None:
    head = world.branch()
    opened = world.open(body="why", draft=True)
    head = world.repository.head("x")
    assert (opened["number"], opened["state"], opened["draft"], opened["head"]["sha"]) == (1, "open", True, head)
    assert opened["mergeable"] is None
    listed = world.bot.rest("GET", f"{REPO}/pulls?state=open&head=acme:x&base=main").body
    assert [pull["number"] for pull in listed] == [1]
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["body"] == "why"
    assert world.bot.rest("GET", f"{REPO}/pulls/2").status == 404
    assert world.bot.rest("GET", f"{REPO}/pulls?head=acme:y").body == []
    assert [pull["number"] for pull in world.bot.rest("GET", f"{REPO}/pulls?head=y").body] == [1], "no owner: no filter"
    assert world.repository.git("rev-parse", "refs/pull/1/head") == head


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            {"title": "again", "head": "x", "base": "main"},
            {"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:x."},
        ),
        (
            {"title": "t", "head": "same", "base": "main"},
            {"resource": "PullRequest", "code": "custom", "message": "No commits between main and same"},
        ),
        ({"title": "t", "head": "no", "base": "main"}, {"resource": "PullRequest", "field": "head", "code": "invalid"}),
        ({"title": "t", "head": "x", "base": "no"}, {"resource": "PullRequest", "field": "base", "code": "invalid"}),
        ({"head": "y", "base": "main"}, {"resource": "PullRequest", "field": "title", "code": "missing_field"}),
        (
            {"title": "t", "head": "y", "base": "main", "body": "x" * 65537},
            {
                "resource": "Issue",
                "code": "custom",
                "message": "body is too long (maximum is 65536 characters)",
                "field": "body",
            },
        ),
    ],
)
def test_what_is_not_opened(world: World, said: dict[str, str], error: dict[str, str]) -> None:
    world.open()
    world.branch("y")
    assert world.repository.move("same", world.repository.head("main"), None)
    assert world.bot.rest("POST", f"{REPO}/pulls", said).refusal == (422, "Validation Failed", [error])
    assert list(world.hub.pulls(PROJECT)) == [1]


def test_a_pull_request_follows_its_branch_and_closes_with_it(world: World) -> None:
    world.open()
    moved = world.branch(content=b"3\n")
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["head"]["sha"] == moved
    assert world.repository.move("x", None, moved)
    closed = world.bot.rest("GET", f"{REPO}/pulls/1").body
    assert (closed["state"], closed["merged"], closed["head"]["sha"]) == ("closed", False, moved)
    refused = world.bot.rest("PATCH", f"{REPO}/pulls/1", {"state": "open"}).refusal
    assert refused[:2] == (422, "Validation Failed")
    world.branch("x")
    assert world.bot.rest("PATCH", f"{REPO}/pulls/1", {"state": "open"}).body["state"] == "open"


def test_one_is_closed_opened_again_and_changed(world: World) -> None:
    world.open()
    assert world.bot.rest("PATCH", f"{REPO}/pulls/1", {"state": "closed"}).body["state"] == "closed"
    world.open()
    assert world.bot.rest("PATCH", f"{REPO}/pulls/1", {"state": "open"}).refusal[2][0]["code"] == "custom"
    changed = world.bot.rest("PATCH", f"{REPO}/pulls/2", {"title": "new", "body": "words"}).body
    assert (changed["title"], changed["body"], changed["state"]) == ("new", "words", "open")
    assert world.bot.rest("PATCH", f"{REPO}/pulls/2", {"base": "no"}).refusal[0] == 422
    world.repository.commit("release", {"b": b"2"})
    assert world.bot.rest("PATCH", f"{REPO}/pulls/2", {"base": "release"}).body["base"]["ref"] == "release"
    by_issue = world.bot.rest("GET", f"{REPO}/issues/1").body
    assert (by_issue["state"], by_issue["closed_by"]["login"]) == ("closed", "bot")


def test_whether_it_merges_is_known_a_little_later(world: World) -> None:
    world.open()
    states = [world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] for _ in range(2)]
    assert states == ["unknown", "clean"]
    world.repository.commit("main", {"a": b"theirs"})
    after = [world.bot.rest("GET", f"{REPO}/pulls/1").body for _ in range(2)]
    assert [(pull["mergeable"], pull["mergeable_state"]) for pull in after] == [(None, "unknown"), (False, "dirty")]


def ready(world: World) -> None:
    world.bot.rest("GET", f"{REPO}/pulls/1")


def test_a_merge_is_a_merge_commit_of_who_merged(world: World) -> None:
    opened = world.open()
    head = opened["head"]["sha"]
    assert world.bot.rest("PUT", MERGE, {"sha": head}).refusal[:2] == (
        405,
        "Base branch was modified. Review and try the merge again.",
    )
    ready(world)
    merged = world.bot.rest("PUT", MERGE, {"sha": head})
    assert (merged.status, merged.body["merged"]) == (200, True)
    repository = world.repository
    assert repository.head("main") == merged.body["sha"]
    assert repository.git("log", "-1", "--format=%P|%an|%cn", "main").endswith(f" {head}|bot|GitHub")
    pull = world.bot.rest("GET", f"{REPO}/pulls/1").body
    assert (pull["merged"], pull["merge_commit_sha"], pull["merged_by"]["login"]) == (True, merged.body["sha"], "bot")
    assert repository.head("x") == head, "the branch stays"
    assert world.bot.rest("PUT", MERGE, {}).refusal[:2] == (405, "Pull Request is not mergeable")
    assert world.bot.rest("PATCH", f"{REPO}/pulls/1", {"state": "open"}).status == 422


def test_a_squashed_merge_keeps_the_message_of_a_single_commit(world: World) -> None:
    world.hub.projects[PROJECT].delete_branch_on_merge = True
    world.repository.commit("x", {"a": b"2"}, "Promote web\n\nPromotion: prod/web")
    world.bot.rest("POST", f"{REPO}/pulls", {"title": "t", "head": "x", "base": "main"})
    ready(world)
    sha = world.bot.rest("PUT", MERGE, {"merge_method": "squash"}).body["sha"]
    assert world.repository.git("log", "-1", "--format=%B|%P", sha).startswith(
        "Promote web (#1)\n\nPromotion: prod/web\n"
    )
    assert world.repository.head("x") is None
    assert world.repository.read("main", "a") == b"2"


def test_a_squashed_merge_of_several_lists_them(world: World) -> None:
    world.open(title="Promote")
    world.repository.commit("x", {"b": b"2"}, "A person's")
    world.hub.merge(PROJECT, 1, "ann", "squash")
    message = world.repository.git("log", "-1", "--format=%B", "main")
    assert message.startswith("Promote (#1)\n\n* Change\n\n* A person's")


def test_what_is_merged_by_a_push_is_merged(world: World) -> None:
    head = world.open()["head"]["sha"]
    base = world.repository.head("main")
    assert world.repository.move("main", head, base)
    pull = world.bot.rest("GET", f"{REPO}/pulls/1").body
    assert (pull["merged"], pull["merge_commit_sha"], pull["state"]) == (True, head, "closed")


@pytest.mark.parametrize(
    ("settings", "said", "refusal"),
    [
        ({}, {"sha": "0" * 40}, (409, "Head branch was modified. Review and try the merge again.")),
        ({}, {"merge_method": "rebase"}, (405, "Rebase merges are not allowed on this repository.")),
        (
            {"protections": {"main": Protection(approvals=1)}},
            {},
            (405, "At least 1 approving review is required by reviewers with write access."),
        ),
        ({"rules": {"main": Protection(contexts=("ci",))}}, {}, (405, 'Required status check "ci" is expected.')),
    ],
)
def test_what_is_not_merged(world: World, settings: dict[str, Any], said: object, refusal: tuple[int, str]) -> None:
    world.open()
    for name, value in settings.items():
        setattr(world.hub.projects[PROJECT], name, value)
    ready(world)
    before = world.repository.head("main")
    assert world.bot.rest("PUT", MERGE, said).refusal[:2] == refusal
    assert world.repository.head("main") == before


def test_neither_drafts_nor_conflicts_are_merged(world: World) -> None:
    world.open(draft=True)
    ready(world)
    assert world.bot.rest("PUT", MERGE, {}).refusal[:2] == (405, "Pull Request is still a draft")
    node = world.bot.rest("GET", f"{REPO}/pulls/1").body["node_id"]
    query = (
        "mutation($i: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $i}) { pullRequest { isDraft } } }"
    )
    assert world.bot.graphql(query, i=node)["data"] == {
        "markPullRequestReadyForReview": {"pullRequest": {"isDraft": False}}
    }
    world.repository.commit("main", {"a": b"theirs"})
    ready(world)
    assert world.bot.rest("PUT", MERGE, {}).refusal[:2] == (405, "Pull Request is not mergeable")


# --- reviews --------------------------------------------------------------------------------------------


def test_approvals_count_by_who_may_merge_and_a_push_may_take_them_back(world: World) -> None:
    world.hub.projects[PROJECT].protections["main"] = Protection(approvals=2, dismiss_stale=True)
    world.open()
    ready(world)
    for login in ("ann", "rea"):
        world.hub.review(PROJECT, 1, login)
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] == "blocked"
    world.hub.review(PROJECT, 1, "bob")
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] == "clean"
    world.hub.review(PROJECT, 1, "bob", "COMMENTED")
    given = world.bot.rest("GET", f"{REPO}/pulls/1/reviews").body
    assert [(review["user"]["login"], review["state"]) for review in given] == [
        ("ann", "APPROVED"),
        ("rea", "APPROVED"),
        ("bob", "APPROVED"),
        ("bob", "COMMENTED"),
    ]
    world.branch(content=b"3\n")
    ready(world)
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] == "blocked"
    world.hub.review(PROJECT, 1, "ann")
    world.hub.review(PROJECT, 1, "bob", "CHANGES_REQUESTED")
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] == "blocked"


def test_nobody_approves_what_is_theirs(world: World) -> None:
    world.open()
    assert world.bot.rest("POST", f"{REPO}/pulls/1/reviews", {"event": "APPROVE"}).refusal == (
        422,
        "Unprocessable Entity",
        ["Can not approve your own pull request"],
    )
    ann = world.client(world.hub.classic("ann", "repo"))
    said = ann.rest("POST", f"{REPO}/pulls/1/reviews", {"event": "APPROVE", "body": "good"}).body
    assert (said["state"], said["body"]) == ("APPROVED", "good")


def test_reviewers_are_people_and_teams(world: World) -> None:
    world.open()
    url = f"{REPO}/pulls/1/requested_reviewers"
    asked = world.bot.rest("POST", url, {"reviewers": ["ann"], "team_reviewers": ["sre"]}).body
    assert [who["login"] for who in asked["requested_reviewers"]] == ["ann"]
    assert [team["slug"] for team in asked["requested_teams"]] == ["sre"]
    assert world.bot.rest("POST", url, {"reviewers": ["bot"]}).refusal[:2] == (
        422,
        "Review cannot be requested from pull request author.",
    )
    for said in ({"reviewers": ["ann", "stranger"]}, {"team_reviewers": ["nobody"]}):
        assert "Reviews may only be requested from collaborators." in world.bot.rest("POST", url, said).refusal[1]
    world.hub.review(PROJECT, 1, "ann")
    left = world.bot.rest("DELETE", url, {"reviewers": [], "team_reviewers": ["sre"]}).body
    assert (left["requested_reviewers"], left["requested_teams"]) == ([], [])


def test_a_team_is_unknown_to_who_may_not_read_members(world: World) -> None:
    world.open()
    permissions = {"metadata": "read", "pull_requests": "write", "contents": "write"}
    token = world.client(world.hub.fine_grained("bot", permissions, PROJECT))
    said = token.rest("POST", f"{REPO}/pulls/1/requested_reviewers", {"team_reviewers": ["sre"]})
    assert said.refusal[2][0].startswith("Could not resolve to a node with the global id of 'T_")


# --- auto-merge -----------------------------------------------------------------------------------------

ENABLE = (
    "mutation($i: ID!, $h: GitObjectID) { enablePullRequestAutoMerge(input: {pullRequestId: $i, expectedHeadOid: $h}) "
    "{ pullRequest { autoMergeRequest { mergeMethod } } } }"
)


def test_what_waits_for_a_check_is_merged_when_it_is_there(world: World) -> None:
    world.hub.projects[PROJECT].protections["main"] = Protection(contexts=("ci",))
    opened = world.open()
    ready(world)
    head = opened["head"]["sha"]
    stale = world.bot.graphql(ENABLE, i=opened["node_id"], h="0" * 40)
    assert (stale["data"], stale["errors"][0]["type"]) == ({"enablePullRequestAutoMerge": None}, "UNPROCESSABLE")
    done = world.bot.graphql(ENABLE, i=opened["node_id"], h=head)["data"]["enablePullRequestAutoMerge"]
    assert done == {"pullRequest": {"autoMergeRequest": {"mergeMethod": "MERGE"}}}
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["auto_merge"]["merge_method"] == "merge"
    world.bot.rest("POST", f"{REPO}/statuses/{head}", {"state": "success", "context": "ci"})
    assert world.bot.rest("GET", f"{REPO}/pulls/1").body["merged"]


def test_what_could_be_merged_now_is_not_put_off(world: World) -> None:
    opened = world.open()
    ready(world)
    refused = world.bot.graphql(ENABLE, i=opened["node_id"])["errors"][0]
    assert (refused["type"], refused["message"]) == ("UNPROCESSABLE", "Pull request Pull request is in clean status")
    world.bot.rest("POST", f"{REPO}/statuses/{opened['head']['sha']}", {"state": "failure", "context": "other"})
    refused = world.bot.graphql(ENABLE, i=opened["node_id"])["errors"][0]
    assert refused["message"] == "Pull request Pull request is in unstable status"
    world.hub.projects[PROJECT].auto_merge = False
    assert "not allowed" in world.bot.graphql(ENABLE, i=opened["node_id"])["errors"][0]["message"]
    assert world.bot.graphql(ENABLE, i="PR_0")["errors"][0]["type"] == "NOT_FOUND"


def test_who_has_read_rights_opens_nothing(world: World) -> None:
    world.branch()
    reader = world.client(world.hub.classic("rea", "repo"))
    said = {"title": "t", "head": "x", "base": "main"}
    assert reader.rest("POST", f"{REPO}/pulls", said).refusal[:2] == (404, "Not Found")
    assert world.hub.projects[PROJECT].role("rea") is Role.READ
