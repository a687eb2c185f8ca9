"""What is GitHub's own about the forge; what every forge does is tested for all of them together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ConflictError, ForgeError
from bot.forges.access import ForgeAccess
from bot.forges.github import GitHubForge
from bot.repositories import MergeRequest, RequestState, Reviewers
from tests.doubles.github import Protection, Role
from tests.doubles.server import Exchange
from tests.forges.github.conftest import GRAPHQL, LOGIN, PROJECT, PULLS, World, draft
from tests.proxy import Answer, Fault


def test_a_first_merge_request_takes_three_requests_beyond_what_is_read_once(world: World) -> None:
    head = world.push()
    world.forge.open_requests(PROJECT)
    world.running.forget()
    opened = world.forge.open(PROJECT, draft())
    assert opened.created
    assert opened.request == MergeRequest(
        number=1,
        title="Promote web",
        body="why",
        source_branch="x",
        target_branch="main",
        head=head,
        state=RequestState.OPEN,
        url=f"{world.running.url}/{PROJECT}/pull/1",
        author="promobot",
        ours=True,
        reviewers=("ann", "sre"),
        labels=("promobot", "to-prod"),
        approvals=(),
    )
    assert world.forge.open_requests(PROJECT) == (opened.request,)
    assert world.running.counts() == {
        PULLS: 1,
        "POST /repos/:owner/:repo/issues/:number/labels": 1,
        "POST /repos/:owner/:repo/pulls/:number/requested_reviewers": 1,
        GRAPHQL: 1,
    }
    world.running.forget()
    world.open("y")
    assert world.running.counts().total() == 3


def test_nothing_to_do_is_one_request(world: World) -> None:
    for name in ("x", "y", "z"):
        world.open(name)
    world.forge.open_requests(PROJECT)
    world.running.forget()
    assert [request.source_branch for request in world.forge.open_requests(PROJECT)] == ["x", "y", "z"]
    assert world.running.counts() == {GRAPHQL: 1}


def test_what_a_run_left_without_labels_is_finished_by_the_next(world: World) -> None:
    world.push()
    world.hub.open(PROJECT, LOGIN, "x")
    (left,) = world.forge.open_requests(PROJECT)
    assert left.unfinished
    opened = world.forge.open(PROJECT, draft())
    assert (opened.created, opened.request.number) == (False, left.number)
    pull = world.pulls[left.number]
    assert (pull.labels, pull.reviewers, pull.teams) == (["promobot", "to-prod"], ["ann"], ["sre"])
    (done,) = world.forge.open_requests(PROJECT)
    assert not done.unfinished
    assert done == opened.request


def test_who_takes_every_label_away_wants_none(world: World) -> None:
    number = world.open(labels=("promobot",))
    world.pulls[number].labels.clear()
    assert not world.forge.get(PROJECT, number).unfinished
    assert not world.forge.open_requests(PROJECT)[0].unfinished


def test_a_hundred_come_in_a_page(world: World) -> None:
    commit = world.push()
    for number in range(101):
        world.repository.move(f"b{number}", commit, None)
        world.hub.open(PROJECT, "pat", f"b{number}")
    world.forge.open_requests(PROJECT)
    world.running.forget()
    assert [request.number for request in world.forge.open_requests(PROJECT)] == list(range(1, 102))
    assert world.running.counts() == {GRAPHQL: 2}


def test_our_own_account_is_called_as_the_configuration_calls_it_and_nobody_else_is(world: World) -> None:
    world.open("x")
    world.repository.commit("y", {"a": b"3"})
    world.hub.open(PROJECT, "promobot", "y")
    world.hub.close(PROJECT, 1, "promobot")
    world.forge.close(PROJECT, 2, reason="", by="promobot")
    found = world.forge.requests(PROJECT)
    assert [(request.author, request.ended_by) for request in found] == [
        ("promobot", "@promobot"),
        ("@promobot", "promobot"),
    ]


def test_a_fork_s_branch_is_not_ours_though_it_has_the_name(world: World) -> None:
    world.push("promobot/prod/web")
    world.hub.account("mallory")
    world.hub.open(PROJECT, "mallory", "promobot/prod/web", fork="mallory")
    assert [request.source_branch for request in world.forge.open_requests(PROJECT)] == ["mallory:promobot/prod/web"]
    opened = world.forge.open(PROJECT, draft("promobot/prod/web"))
    assert (opened.created, opened.request.number) == (True, 2)
    world.hub.close(PROJECT, 1, "mallory")
    assert world.forge.closed_requests(PROJECT, ["promobot/prod/web"]) == {"promobot/prod/web": ()}


def test_teams_are_told_only_to_who_may_read_them(world: World) -> None:
    world.open()
    narrow = world.by(world.hub.classic(LOGIN, "repo"))
    assert narrow.open_requests(PROJECT)[0].reviewers == ("ann",)
    permissions = {"metadata": "read", "contents": "write", "pull_requests": "write", "members": "read"}
    fine = world.by(world.hub.fine_grained(LOGIN, permissions, PROJECT))
    assert fine.open_requests(PROJECT)[0].reviewers == ("ann", "sre")


def test_a_team_that_may_not_be_seen_hides_nothing_else(world: World) -> None:
    """Owners of code are asked by GitHub, whoever the approvers are."""
    world.open()
    permissions = {"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write"}
    narrow = world.by(world.hub.fine_grained(LOGIN, permissions, PROJECT))
    assert [request.reviewers for request in narrow.open_requests(PROJECT)] == [("ann",)]
    assert narrow.get(PROJECT, 1).reviewers == ("ann",)


def test_who_cannot_be_asked_is_left_out_with_a_note(world: World) -> None:
    world.push()
    world.hub.team("acme", "strangers", "eve")
    reviewers = Reviewers(("acme/sre", "acme/strangers", "other/sre"), ("gone", LOGIN, "bob"))
    opened = world.forge.open(PROJECT, draft(reviewers=reviewers))
    assert opened.request.reviewers == ("bob", "sre")
    assert (world.pulls[1].reviewers, world.pulls[1].teams) == (["bob"], ["sre"])
    why = "Reviews may only be requested from collaborators."
    assert [note.partition(why)[0] for note in opened.notes] == [
        "team other/sre is not asked for a review: it is not of acme",
        f"{LOGIN} is not asked for a review: it opens the pull request",
        "gone is not asked for a review: ",
        "team strangers is not asked for a review: ",
    ]


def test_a_token_that_may_not_ask_teams_asks_people_all_the_same(world: World) -> None:
    world.push()
    opened = world.by(world.hub.classic(LOGIN, "repo")).open(PROJECT, draft())
    assert (world.pulls[1].reviewers, world.pulls[1].teams) == (["ann"], [])
    assert opened.notes == ("team sre is not asked for a review: the token may not read the organization's members",)


def test_what_people_changed_stays(world: World) -> None:
    world.open()
    pull = world.pulls[1]
    world.hub.projects[PROJECT].labels["theirs"] = 7
    pull.labels, pull.reviewers = ["theirs"], ["bob"]
    world.forge.update(PROJECT, 1, title="new", body="new")
    assert not world.forge.open(PROJECT, draft()).created
    assert (pull.title, pull.labels, pull.reviewers) == ("new", ["theirs"], ["bob"])


def test_a_long_label_is_cut(world: World) -> None:
    world.push()
    world.forge.open(PROJECT, draft(labels=("to-" + "x" * 63,)))
    assert world.pulls[1].labels == ["to-" + "x" * 47]


def test_why_one_was_closed_is_believed_of_us_alone(world: World) -> None:
    world.open()
    world.forge.close(PROJECT, 1, reason="replaced by !2", by="promobot")
    world.open("y")
    world.pulls[2].body = world.pulls[1].body
    world.hub.close(PROJECT, 2, "ann")
    world.running.forget()
    found = world.forge.requests(PROJECT)
    assert [(request.body, request.ended_by, request.reason) for request in found] == [
        ("why", "promobot", "replaced by !2"),
        ("why", "ann", ""),
    ]


def test_who_closes_it_by_our_account_in_the_browser_says_no(world: World) -> None:
    world.open()
    world.open("y")
    world.forge.close(PROJECT, 1, reason="")
    world.hub.close(PROJECT, 2, LOGIN)
    found = world.forge.requests(PROJECT)
    assert [(request.ended_by, request.ended_by_us) for request in found] == [("promobot", True), ("promobot", False)]


def test_a_diff_is_of_what_would_be_merged(world: World) -> None:
    world.open()
    assert "-1\n+2\n" in world.forge.diff(PROJECT, 1)
    world.hub.close(PROJECT, 1, "ann")
    assert world.forge.diff(PROJECT, 1) == ""


# --- merging --------------------------------------------------------------------------------------------


def test_a_merge_waits_until_it_is_known_whether_the_branches_go_together(world: World) -> None:
    world.hub.latency = 2
    world.open()
    head = world.pulls[1].head
    merged = world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert (merged.state, merged.ended_by, merged.merge_commit) == (
        RequestState.MERGED,
        "promobot",
        world.repository.head("main"),
    )
    assert len(world.clock.slept) == 2
    assert merged.merged_at is not None
    assert datetime.now(UTC) - merged.merged_at < timedelta(minutes=1)


def test_a_merge_is_squashed_where_the_repository_wants_that(world: World) -> None:
    world.hub.projects[PROJECT].methods = frozenset({"squash"})
    world.open()
    merged = world.forge.merge(PROJECT, 1, head=world.pulls[1].head, by="ann")
    assert world.repository.git("log", "-1", "--format=%P", "main").count(" ") == 0
    assert world.forge.merged(PROJECT, [merged.merge_commit, merged.head, "0" * 40]) == {merged.merge_commit: merged}


@pytest.mark.parametrize(
    ("protection", "words"),
    [
        (Protection(approvals=2), "At least 2 approving review is required by reviewers with write access."),
        (Protection(contexts=("ci",)), 'Required status check "ci" is expected.'),
    ],
)
def test_what_the_branch_asks_for_is_said(world: World, protection: Protection, words: str) -> None:
    world.hub.projects[PROJECT].protections["main"] = protection
    world.open()
    before = world.repository.head("main")
    with pytest.raises(ConflictError, match=words):
        world.forge.merge(PROJECT, 1, head=world.pulls[1].head, by="ann")
    assert world.repository.head("main") == before


def test_many_commits_are_asked_about_together(world: World) -> None:
    expected = {}
    for number in range(3):
        world.open(f"b{number}", labels=(), reviewers=Reviewers())
        request = world.forge.get(PROJECT, number + 1)
        world.repository.commit(f"b{number}", {f"file{number}": b"1"})
        expected[world.hub.merge(PROJECT, number + 1, "ann")] = request.number
    world.running.forget()
    found = world.forge.merged(PROJECT, [*expected, *(f"{number:040x}" for number in range(30))])
    assert {commit: request.number for commit, request in found.items()} == expected
    assert world.running.counts() == {GRAPHQL: 2}


def test_a_commit_that_many_brought_is_of_the_one_that_was_merged_with_it(world: World) -> None:
    """It comes last, after those of another branch's that were open before and have it by now."""
    first = world.push("old")
    assert world.repository.move("release", first, None)
    others = [f"b{number}" for number in range(11)]
    for branch in others:
        world.repository.move(branch, world.repository.commit("old", {branch: b"1"}), None)
        world.hub.open(PROJECT, "pat", branch, target="release")
    number = world.open("x", labels=(), reviewers=Reviewers())
    merged = world.hub.merge(PROJECT, number, "ann")
    for branch in others:
        assert world.repository.move(branch, merged, world.repository.head(branch))
    world.running.forget()
    found = world.forge.merged(PROJECT, [merged, first])
    assert {commit: request.number for commit, request in found.items()} == {merged: number}
    assert world.running.counts() == {GRAPHQL: 2}, "one more, for what ten are not all of"


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("project", ["x", "a/b/c", "/b", "a/", "a/..", "a/b c", "a/b?c", "-a/b", "a/b\n"])
def test_what_is_no_repository(world: World, project: str) -> None:
    with pytest.raises(ForgeError, match="is not a project's path on GitHub"):
        world.forge.git_url(project)
    with pytest.raises(ForgeError, match="is not a project's path on GitHub"):
        world.forge.open_requests(project)
    assert world.running.counts().total() == 0


@pytest.mark.parametrize(
    ("url", "api", "git"),
    [
        ("https://github.com", "https://api.github.com", "https://github.com/a/b.git"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com", "https://acme.ghe.com/a/b.git"),
        ("https://git.acme.example", "https://git.acme.example/api/v3", "https://git.acme.example/a/b.git"),
    ],
)
def test_where_it_is(url: str, api: str, git: str) -> None:
    forge = GitHubForge(ForgeAccess("hub", url))
    assert forge.git_url("a/b") == git
    requester = forge._connecting.client("a/b").requester
    assert requester.base_url == api
    assert requester.graphql_url == f"{api.removesuffix('/v3')}/graphql"
    assert (requester.api_version is None) == api.endswith("/v3")


def test_what_is_no_different_is_not_opened(world: World) -> None:
    world.repository.move("same", world.repository.head("main"), None)
    with pytest.raises(ForgeError, match=f"same of {PROJECT} is no different from main"):
        world.forge.open(PROJECT, draft("same"))
    assert world.pulls == {}


def test_where_there_are_no_drafts_it_says_what_wants_one(world: World) -> None:
    world.hub.projects[PROJECT].paid = False
    world.push()
    with pytest.raises(ForgeError, match=f"{PROJECT} can have no drafts, and what x proposes is to be one") as caught:
        world.forge.open(PROJECT, draft(draft=True))
    assert "`when_missing: copy`" in (caught.value.hint or "")
    assert world.pulls == {}


def test_who_has_no_token_is_told_to_get_one(world: World) -> None:
    with pytest.raises(ForgeError, match="the forge wants a token, and none is configured"):
        world.by("").open_requests(PROJECT)


def test_a_wrong_token_and_what_a_token_lacks_are_named(world: World) -> None:
    world.open()
    with pytest.raises(ForgeError) as caught:
        world.by("ghp_wrong").open_requests(PROJECT)
    assert caught.value.message == (
        f"forge hub: GET {world.running.url}/api/v3/user: the token is not accepted (HTTP 401): Bad credentials"
    )
    assert caught.value.hint == "check that GITHUB_TOKEN is the forge's, and has not expired"
    reading = world.by(
        world.hub.fine_grained(LOGIN, {"metadata": "read", "contents": "read", "pull_requests": "read"}, PROJECT)
    )
    world.push("y")
    with pytest.raises(ForgeError, match="the token lacks the permission pull_requests=write") as caught:
        reading.open(PROJECT, draft("y"))
    assert "GITHUB_TOKEN" in caught.value.hint
    scoped = world.by(world.hub.classic(LOGIN, "read:org"))
    with pytest.raises(ForgeError, match=f"there is no project {PROJECT} on forge hub, or its token may not see it"):
        scoped.open_requests(PROJECT)
    with pytest.raises(ForgeError, match="not accessible by personal access token"):
        reading.ready(PROJECT, _drafted(world))


def _drafted(world: World) -> int:
    world.pulls[1].draft = True
    return 1


def test_a_project_that_has_another_name_by_now(world: World) -> None:
    moved = {"Location": f"{world.running.url}/api/v3/repositories/7/pulls", "Content-Type": "application/json"}
    world.running.inject(Fault("POST /api/v3/repos/.*/pulls", Answer(307, moved, b'{"message": "Moved Permanently"}')))
    world.push("y")
    with pytest.raises(ForgeError, match=r"moved, to .*/repositories/7/pulls") as caught:
        world.forge.open(PROJECT, draft("y"))
    assert "another name by now" in caught.value.hint


def test_readers_alone_open_nothing(world: World) -> None:
    world.push()
    reader = world.by(world.hub.classic("rea", "repo"))
    world.hub.projects[PROJECT].roles["rea"] = Role.READ
    with pytest.raises(ForgeError, match=r"the token has no access \(HTTP 404\): Not Found"):
        reader.open(PROJECT, draft())
    assert world.pulls == {}


def test_a_branch_that_somebody_pushed_to_outlives_its_merge(world: World) -> None:
    world.open()
    head = world.pulls[1].head
    world.forge.merge(PROJECT, 1, head=head, by="x")
    assert world.repository.head("x") is None
    world.open("y")
    head = world.pulls[2].head
    theirs: list[str] = []

    def push(exchange: Exchange) -> list[str]:
        if exchange.route.startswith("PUT"):
            theirs.append(world.push("y", b"theirs", "b"))
        return []

    world.running.watchers.append(push)
    world.forge.merge(PROJECT, 2, head=head, by="x")
    assert [world.repository.head("y")] == theirs


def test_a_branch_that_github_deletes_by_itself_is_left_to_it(world: World) -> None:
    world.hub.projects[PROJECT].delete_branch_on_merge = True
    world.open()
    world.forge.merge(PROJECT, 1, head=world.pulls[1].head, by="x")
    assert world.repository.head("x") is None
    assert "POST /graphql updateRefs" not in world.running.counts()
