"""Merges that nobody looks at: what each forge does by itself, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.errors import ConflictError, ForgeError
from bot.repositories import MergeRequest, RequestState
from tests.doubles.github.state import Protection
from tests.doubles.gitlab import MAINTAINER
from tests.doubles.http import Request, Response
from tests.forges.places import PLACES, GitHubPlace, GitLabPlace, Place, github_place, gitlab_place
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind

OPEN, MERGED = RequestState.OPEN, RequestState.MERGED


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with PLACES[request.param](tmp_path / "forge") as made:
        yield made


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "forge", premium=True) as made:
        yield made


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubPlace]:
    with github_place(tmp_path / "forge") as made:
        yield made


def begun(place: Place, head: str) -> tuple[RequestState, str, str]:
    told = place.forge.merge_when_ready(place.project, 1, head=head, into="main")
    return told.request.state, told.request.auto_merge_by, told.waits


# --- every forge --------------------------------------------------------------------------------------------


def test_what_nothing_is_in_the_way_of_is_merged(place: Place) -> None:
    head = place.push("x", "2")
    place.open()
    assert begun(place, head) == (MERGED, "", "")
    tip = place.head("main")
    assert tip is not None
    assert place.repository.contains(tip, head)
    assert begun(place, head) == (MERGED, "", "")
    assert place.head("main") == tip


def test_no_other_head_is_merged(place: Place) -> None:
    verified, main = place.push("x", "2"), place.head("main")
    place.open()
    place.push("x", "3")
    with pytest.raises(ConflictError, match=f"not at {verified}"):
        begun(place, verified)
    assert place.head("main") == main


def test_what_conflicts_waits(place: Place) -> None:
    head = place.push("x", "2")
    place.open()
    place.push("main", "3")
    assert begun(place, head)[:2] == (OPEN, "")
    assert "conflict" in begun(place, head)[2]


def test_what_has_ended_or_is_a_draft_is_not_merged(place: Place) -> None:
    head, main = place.push("x", "2"), place.head("main")
    place.open()
    place.closed_by_ann(1)
    with pytest.raises(ConflictError, match=f"{place.project}!1 was closed by"):
        begun(place, head)
    assert place.head("main") == main


def test_nothing_is_merged_elsewhere_than_was_meant(place: Place) -> None:
    """Who may edit it sends it elsewhere while promobot looks: forges are told of the head alone."""
    head, main = place.push("x", "2"), place.head("main")
    place.open()
    with pytest.raises(ConflictError, match="from release to main"):
        place.forge.merge_when_ready(place.project, 1, head=head, into="release")
    assert (place.forge.get(place.project, 1).state, place.head("main")) == (OPEN, main)


def test_what_isn_t_merged_by_itself_needs_no_holding(place: Place) -> None:
    place.push("x", "2")
    place.open()
    assert not place.forge.hold(place.project, 1)


@pytest.mark.parametrize("kind", [Answer(503), CutBefore()])
@pytest.mark.parametrize("on", ["gitlab", "github"])
def test_a_forge_that_fails_each_time_is_no_merge_request_that_waits(
    request: pytest.FixtureRequest, on: str, kind: Kind
) -> None:
    place: GitLabPlace | GitHubPlace = request.getfixturevalue(on)
    head, main = place.push("x", "2"), place.head("main")
    place.open()
    place.running.inject(Fault("PUT .*/merge", kind, ALWAYS))
    with pytest.raises(ForgeError, match=r"PUT .*/merge"):
        begun(place, head)
    assert (place.forge.get(place.project, 1).state, place.head("main")) == (OPEN, main)


# --- GitLab -------------------------------------------------------------------------------------------------


def test_gitlab_merges_when_its_pipeline_has_succeeded(gitlab: GitLabPlace) -> None:
    gitlab.made.pipelines_for = "push"
    gitlab.made.only_allow_merge_if_pipeline_succeeds = True
    head = gitlab.push("x", "2")
    gitlab.open()
    assert begun(gitlab, head) == (OPEN, "promobot", "")
    (listed,) = gitlab.forge.open_requests(gitlab.project)
    assert listed.auto_merge_by == "promobot"
    gitlab.running.forget()
    assert begun(gitlab, head) == (OPEN, "promobot", "")
    assert not [route for route in gitlab.running.counts() if not route.startswith("GET")]
    gitlab.made.requests[1].pending.clear()
    gitlab.gitlab.finish(gitlab.made, "success")
    assert gitlab.forge.get(gitlab.project, 1).state is MERGED


def test_gitlab_is_held_and_by_a_push(gitlab: GitLabPlace) -> None:
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    assert begun(gitlab, head) == (OPEN, "promobot", "")
    assert gitlab.forge.hold(gitlab.project, 1)
    assert gitlab.forge.get(gitlab.project, 1).auto_merge_by == ""
    assert begun(gitlab, head) == (OPEN, "promobot", "")
    gitlab.push("x", "3")
    assert gitlab.forge.get(gitlab.project, 1).auto_merge_by == ""


def test_an_older_gitlab_waits_for_a_pipeline_too(gitlab: GitLabPlace) -> None:
    gitlab.gitlab.version = "17.10.0-ee"
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    assert begun(gitlab, head) == (OPEN, "promobot", "")


@pytest.mark.parametrize("kind", [CutAfter(), AnswerAfter(502)])
def test_gitlab_is_asked_once_to_hold_it(gitlab: GitLabPlace, kind: Kind) -> None:
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    begun(gitlab, head)
    gitlab.running.forget()
    gitlab.running.inject(Fault("POST .*/cancel_", kind))
    assert gitlab.forge.hold(gitlab.project, 1)
    posts = [route for route in gitlab.running.seen if str(route).startswith("POST")]
    assert len(posts) == 1, "a second time GitLab has nothing to cancel"


def test_gitlab_may_have_been_held_by_somebody_else_in_that_moment(gitlab: GitLabPlace) -> None:
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    begun(gitlab, head)
    refused = {"Content-Type": "application/json"}, b'{"message":"406 Not Acceptable"}'
    gitlab.running.inject(Fault("POST .*/cancel_", Answer(406, *refused)))
    with pytest.raises(ForgeError):
        gitlab.forge.hold(gitlab.project, 1)
    gitlab.running.inject(Fault("POST .*/cancel_", AnswerAfter(406, *refused)))
    assert not gitlab.forge.hold(gitlab.project, 1)


def test_gitlab_may_not_know_who_closed_it(gitlab: GitLabPlace) -> None:
    """Nobody is told where that user is gone, or where a push did it."""
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.closed_by_ann(1)
    gitlab.made.requests[1].closed_by = None
    for look in (partial(begun, gitlab, head), partial(gitlab.forge.ready, gitlab.project, 1)):
        with pytest.raises(ConflictError, match="!1 was closed by somebody"):
            look()


def test_gitlab_may_refuse_to_hold_it_in_what_it_says_alone(gitlab: GitLabPlace) -> None:
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    begun(gitlab, head)
    words = {"message": "Can't cancel the automatic merge", "status": "error", "http_status": 406}
    refused = {"Content-Type": "application/json"}, json.dumps(words).encode()
    gitlab.running.inject(Fault("POST .*/cancel_", Answer(201, *refused)))
    with pytest.raises(ForgeError, match="still merges platform/teams/gitops-prod!1 by itself: Can't cancel"):
        gitlab.forge.hold(gitlab.project, 1)
    gitlab.running.inject(Fault("POST .*/cancel_", AnswerAfter(201, *refused)))
    assert not gitlab.forge.hold(gitlab.project, 1), "somebody else has done it"


def test_gitlab_says_what_is_missing_and_is_asked_for_nothing(gitlab: GitLabPlace) -> None:
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.made.rules = [gitlab.gitlab.rule("sre", 1, gitlab.bob)]
    gitlab.running.forget()
    assert begun(gitlab, head) == (OPEN, "", "approvals are missing")
    gitlab.made.rules = []
    gitlab.gitlab.protect(gitlab.made, "main", merge=MAINTAINER)
    assert begun(gitlab, head) == (OPEN, "", "the token's user may not merge into main")
    with pytest.raises(ForgeError, match="the token's user may not merge into main") as refused:
        gitlab.forge.merge(gitlab.project, 1, head=head)
    assert "Protected branches" in refused.value.hint
    assert not [route for route in gitlab.running.counts() if not route.startswith("GET")]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("merge_request_blocked", "another merge request has to be merged first"),
        ("merge_time", "it is to be merged at a later time"),
        ("status_checks_must_pass", "an external status check has to pass first"),
        ("security_policy_violations", "a security policy is against it"),
    ],
)
def test_gitlab_is_not_asked_again_and_again_for_what_may_take_days(
    gitlab: GitLabPlace, status: str, words: str
) -> None:
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.made.requests[1].pending = [status] * 20
    gitlab.running.forget()
    gitlab.sleeps.seconds.clear()
    assert begun(gitlab, head) == (OPEN, "", words)
    assert not [route for route in gitlab.running.counts() if not route.startswith("GET")]
    assert gitlab.sleeps.seconds == []


def test_gitlab_waits_for_a_pipeline_that_waits_for_a_person(gitlab: GitLabPlace) -> None:
    gitlab.made.pipelines_for = "push"
    gitlab.made.only_allow_merge_if_pipeline_succeeds = True
    head = gitlab.push("x", "2")
    gitlab.open()
    for pipeline in gitlab.made.pipelines:
        pipeline.status = "manual"
    assert begun(gitlab, head) == (OPEN, "promobot", "")


def test_gitlab_s_merge_train_is_not_gone_past(gitlab: GitLabPlace) -> None:
    gitlab.made.merge_trains_enabled = True
    head, main = gitlab.push("x", "2"), gitlab.head("main")
    gitlab.open()
    assert begun(gitlab, head) == (OPEN, "promobot", "")
    assert gitlab.head("main") == main
    assert gitlab.running.counts()["POST /projects/:id/merge_trains/merge_requests/:iid"] == 1


def test_an_older_gitlab_s_merge_train_is_got_on_at_once_or_after_the_pipeline(gitlab: GitLabPlace) -> None:
    gitlab.gitlab.version = "17.10.0-ee"
    gitlab.made.merge_trains_enabled = True
    gitlab.made.pipelines_for = "push"
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.running.forget()
    assert begun(gitlab, head) == (OPEN, "promobot", ""), "it runs"
    assert gitlab.forge.hold(gitlab.project, 1)
    for pipeline in gitlab.made.pipelines:
        pipeline.status = "success"
    assert begun(gitlab, head) == (OPEN, "promobot", ""), "it has succeeded"


@pytest.mark.parametrize("method", ["ff", "rebase_merge"])
def test_gitlab_wants_a_rebase_where_history_is_linear(gitlab: GitLabPlace, method: str) -> None:
    gitlab.made.merge_method = method
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.push("main", "theirs", path="b")
    with pytest.raises(ConflictError, match="the target has moved on, and this project wants the branch rebased"):
        begun(gitlab, head)
    (listed,) = gitlab.forge.open_requests(gitlab.project)
    assert listed.needs_rebase
    assert gitlab.rest("PUT", "/merge_requests/1/merge", {"sha": head})[0] == 405
    main, repository = gitlab.head("main"), gitlab.repository
    rebased = repository.commit("y", {"a": b"2\n"}, "2")
    assert repository.move("x", rebased, head)
    assert begun(gitlab, rebased) == (MERGED, "", "")
    assert not gitlab.forge.get(gitlab.project, 1).needs_rebase
    assert repository.git("rev-parse", "main^1") == main


def test_gitlab_s_lists_know_what_a_look_has_told(gitlab: GitLabPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab keeps for hours what it says in lists, and so may say that it can be merged."""
    gitlab.made.merge_method = "ff"
    head = gitlab.push("x", "2")
    gitlab.open()
    kept = gitlab.rest("GET", "/merge_requests?state=opened")[1]
    gitlab.push("main", "theirs", path="b")
    answer = gitlab.gitlab.answer

    def keeping(request: Request) -> Response:
        listing = request.method == "GET" and request.path.endswith("/merge_requests")
        return Response(200, kept) if listing else answer(request)

    monkeypatch.setattr(gitlab.gitlab, "answer", keeping)
    (listed,) = gitlab.forge.open_requests(gitlab.project)
    assert not listed.needs_rebase
    with pytest.raises(ConflictError, match="wants the branch rebased"):
        begun(gitlab, head)
    (listed,) = gitlab.forge.open_requests(gitlab.project)
    assert listed.needs_rebase


PUT = "PUT /api/v4/projects/.*/merge$"


@pytest.mark.parametrize("kind", [Answer(405), Answer(409), Answer(503), CutBefore(), CutAfter(), AnswerAfter(502)])
def test_gitlab_is_looked_at_again_whatever_it_answers(gitlab: GitLabPlace, kind: Kind) -> None:
    head = gitlab.push("x", "2")
    gitlab.open()
    gitlab.running.inject(Fault(PUT, kind))
    assert begun(gitlab, head) == (MERGED, "", "")


def test_gitlab_that_refuses_again_and_again_is_left_at_that(gitlab: GitLabPlace) -> None:
    head, main = gitlab.push("x", "2"), gitlab.head("main")
    gitlab.open()
    gitlab.running.inject(Fault(PUT, Answer(405), 1000))
    state, by, waits = begun(gitlab, head)
    assert (state, by) == (OPEN, "")
    assert "405" in waits
    assert gitlab.head("main") == main


# --- GitHub -------------------------------------------------------------------------------------------------


def test_github_merges_when_its_checks_have_succeeded(github: GitHubPlace) -> None:
    github.hub.projects[github.project].protections["main"] = Protection(approvals=1)
    head = github.push("x", "2")
    github.open()
    assert begun(github, head) == (OPEN, "promobot", "")
    (listed,) = github.forge.open_requests(github.project)
    assert listed.auto_merge_by == "promobot"
    github.hub.review(github.project, 1, "ann")
    assert github.forge.get(github.project, 1).state is MERGED


def test_github_is_held(github: GitHubPlace) -> None:
    github.hub.projects[github.project].protections["main"] = Protection(approvals=1)
    head = github.push("x", "2")
    github.open()
    begun(github, head)
    assert github.forge.hold(github.project, 1)
    assert github.forge.get(github.project, 1).auto_merge_by == ""
    github.hub.review(github.project, 1, "ann")
    assert github.forge.get(github.project, 1).state is OPEN


def test_github_may_have_been_held_by_somebody_else_in_that_moment(github: GitHubPlace) -> None:
    github.hub.projects[github.project].protections["main"] = Protection(approvals=1)
    head = github.push("x", "2")
    github.open()
    begun(github, head)
    error = {"type": "UNPROCESSABLE", "message": "Can't disable auto-merge for this pull request."}
    refused = {"Content-Type": "application/json"}, json.dumps({"data": None, "errors": [error]}).encode()
    github.running.inject(Fault("POST .*/graphql", Answer(200, *refused), skip=1))
    with pytest.raises(ForgeError):
        github.forge.hold(github.project, 1)
    github.running.inject(Fault("POST .*/graphql", AnswerAfter(200, *refused), skip=1))
    assert not github.forge.hold(github.project, 1)


def test_github_without_auto_merge_says_so(github: GitHubPlace) -> None:
    project = github.hub.projects[github.project]
    project.protections["main"] = Protection(approvals=1)
    project.auto_merge = False
    head, main = github.push("x", "2"), github.head("main")
    github.open()
    begun(github, head)
    github.sleeps.seconds.clear()
    state, by, waits = begun(github, head)
    assert (state, by) == (OPEN, "")
    assert "Auto merge is not allowed" in waits
    assert github.head("main") == main
    assert len(github.sleeps.seconds) == 1, "what it says twice it says again and again"


def test_github_merges_nothing_for_whom_the_branch_is_not_open(github: GitHubPlace) -> None:
    github.hub.projects[github.project].protections["main"] = Protection(pushers=("ann",))
    head, main = github.push("x", "2"), github.head("main")
    github.open()
    begun(github, head)
    github.running.forget()
    state, by, waits = begun(github, head)
    assert (state, by) == (OPEN, "")
    assert "You're not authorized to push to this branch" in waits
    assert github.head("main") == main
    assert github.running.counts()["PUT /repos/:owner/:repo/pulls/:number/merge"] == 2


def test_github_may_say_that_nothing_is_in_the_way_before_a_look_does(
    github: GitHubPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.hub.projects[github.project].protections["main"] = Protection(approvals=1)
    head = github.push("x", "2")
    github.open()
    answer, refused = github.hub.answer, [1, 2, 3]
    error = {"type": "UNPROCESSABLE", "message": "Pull request Pull request is in clean status"}

    def clean_at_first(request: Request) -> Response:
        if b"enablePullRequestAutoMerge" in request.body and refused:
            refused.pop()
            return Response(200, {"data": None, "errors": [error]})
        return answer(request)

    monkeypatch.setattr(github.hub, "answer", clean_at_first)
    assert begun(github, head) == (OPEN, "promobot", "")
    assert not refused


def test_github_s_busy_branch_is_waited_for(github: GitHubPlace) -> None:
    head = github.push("x", "2")
    github.open()
    said = json.dumps({"message": "Base branch was modified. Review and try the merge again."}).encode()
    github.running.inject(Fault("PUT .*/merge$", Answer(405, {"Content-Type": "application/json"}, said), times=4))
    assert begun(github, head) == (MERGED, "", "")


@pytest.mark.parametrize("kind", [Answer(405), Answer(409), Answer(503), CutBefore(), CutAfter(), AnswerAfter(502)])
def test_github_is_looked_at_again_whatever_it_answers(github: GitHubPlace, kind: Kind) -> None:
    head = github.push("x", "2")
    github.open()
    github.running.inject(Fault("PUT .*/merge$", kind))
    assert begun(github, head) == (MERGED, "", "")


STRICT = Protection(contexts=("ci",), up_to_date=True)


def strict(github: GitHubPlace, *, approvals: int = 0) -> str:
    """A pull request whose check has succeeded, and which the target has left behind since."""
    github.hub.projects[github.project].rules["main"] = replace(STRICT, approvals=approvals)
    head = github.push("x", "2")
    github.open()
    says(github, head, "success")
    github.push("main", "theirs", path="b")
    return head


def says(github: GitHubPlace, head: str, state: str) -> None:
    assert github.rest("POST", f"/statuses/{head}", {"state": state, "context": "ci"})[0] == 201


def listed(github: GitHubPlace) -> MergeRequest:
    (found,) = github.forge.open_requests(github.project)
    return found


def test_github_wants_it_up_to_date_where_checks_have_to_be_of_that(github: GitHubPlace) -> None:
    head = strict(github)
    for _ in range(2):
        with pytest.raises(ConflictError, match="main has moved on, and its rules want the source branch up to date"):
            begun(github, head)
    assert listed(github).needs_rebase
    assert github.rest("PUT", "/pulls/1/merge", {"sha": head})[0] == 405
    repository = github.repository
    rebased = repository.commit("y", {"a": b"2\n"}, "2")
    assert repository.move("x", rebased, head)
    assert not listed(github).needs_rebase
    says(github, rebased, "success")
    assert begun(github, rebased) == (MERGED, "", "")


def test_github_s_lists_forget_what_is_no_longer_so(github: GitHubPlace) -> None:
    head = strict(github)
    with pytest.raises(ConflictError):
        begun(github, head)
    github.hub.projects[github.project].rules.clear()
    assert not github.forge.get(github.project, 1).needs_rebase
    assert not listed(github).needs_rebase


def test_github_tells_of_what_it_merges_by_itself_that_it_is_behind(github: GitHubPlace) -> None:
    """As soon as nothing else is in the way, in the one request that lists all."""
    head = strict(github, approvals=1)
    assert begun(github, head) == (OPEN, "promobot", "")
    github.forge = github.another()
    assert not listed(github).needs_rebase, "what is behind lacks an approval, too"
    github.hub.review(github.project, 1, "ann")
    says(github, head, "failure")
    assert not listed(github).needs_rebase, "its check failed"
    says(github, head, "success")
    github.running.forget()
    assert listed(github).needs_rebase
    assert github.running.counts().total() == 1


def queue(github: GitHubPlace, protection: Protection | None = None) -> str:
    project = github.hub.projects[github.project]
    project.queues.add("main")
    if protection:
        project.protections["main"] = protection
    head = github.push("x", "2")
    github.open()
    return head


def test_github_s_queue_is_not_gone_past(github: GitHubPlace) -> None:
    """It is not auto-merge, which the repository needn't allow."""
    head, main = queue(github), github.head("main")
    github.hub.projects[github.project].auto_merge = False
    github.running.inject(Fault("POST .*/graphql", CutAfter(), skip=2))
    assert begun(github, head) == (OPEN, "promobot", "")
    assert github.running.counts()["POST /graphql enqueuePullRequest"] == 1
    assert github.head("main") == main
    assert begun(github, head) == (OPEN, "promobot", "")
    github.hub.land(github.project)
    assert github.forge.get(github.project, 1).state is MERGED


def test_github_s_queue_gets_what_its_auto_merge_waited_for(github: GitHubPlace) -> None:
    head = queue(github, replace(STRICT, approvals=1))
    assert begun(github, head) == (OPEN, "promobot", "")
    github.push("main", "theirs", path="b")
    github.hub.review(github.project, 1, "ann")
    for _ in range(2):  # at the first it isn't known yet
        assert not listed(github).needs_rebase, "the queue sees to that"


def test_github_s_queue_is_asked_again_where_it_refuses(github: GitHubPlace) -> None:
    head = queue(github)
    error = {"type": "UNPROCESSABLE", "message": "Pull request Required workflow is not satisfied"}
    refused = {"Content-Type": "application/json"}, json.dumps({"data": None, "errors": [error]}).encode()
    github.running.inject(Fault("POST .*/graphql", Answer(200, *refused), skip=2))
    assert begun(github, head) == (OPEN, "promobot", "")
    assert github.forge.hold(github.project, 1)
    github.running.inject(Fault("POST .*/graphql", Answer(200, *refused), skip=1))
    assert begun(github, head) == (OPEN, "promobot", "")


@pytest.mark.parametrize("kind", [None, CutBefore(), CutAfter(), AnswerAfter(502)], ids=str)
def test_github_s_queue_gives_it_back(github: GitHubPlace, kind: Kind | None) -> None:
    head, main = queue(github), github.head("main")
    begun(github, head)
    assert listed(github).auto_merge_by == "promobot"
    github.push("x", "a person's")
    github.running.forget()
    if kind is not None:
        github.running.inject(Fault("POST .*/graphql", kind, skip=1))
    assert github.forge.hold(github.project, 1)
    assert github.running.counts()["POST /graphql dequeuePullRequest"] == 1 + isinstance(kind, CutBefore)
    assert not github.forge.hold(github.project, 1)
    github.hub.land(github.project)
    assert (listed(github).auto_merge_by, github.head("main")) == ("", main)


def test_github_s_queue_may_take_it_in_the_moment_of_a_hold(
    github: GitHubPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, main = queue(github, Protection(approvals=1)), github.head("main")
    begun(github, head)
    answer = github.hub.answer

    def approved_before(request: Request) -> Response:
        if b"disablePullRequestAutoMerge" in request.body:
            github.hub.review(github.project, 1, "ann")
        return answer(request)

    monkeypatch.setattr(github.hub, "answer", approved_before)
    assert github.forge.hold(github.project, 1)
    github.hub.land(github.project)
    assert (github.head("main"), listed(github).auto_merge_by) == (main, "")


@pytest.mark.parametrize("fields", [{"isMergeQueueEnabled", "mergeQueueEntry"}, {"isMergeQueueEnabled"}])
def test_a_github_that_is_older_than_queues_has_none(github: GitHubPlace, fields: set[str]) -> None:
    """One of the two came later: https://github.com/octokit/graphql-schema/pull/892."""
    github.hub.lacks = frozenset(fields)
    head = github.push("x", "2")
    github.open()
    assert listed(github).auto_merge_by == ""
    github.running.forget()
    assert listed(github).head == head
    assert github.running.counts().total() == 1, "it is found out once"
    assert begun(github, head) == (MERGED, "", "")
