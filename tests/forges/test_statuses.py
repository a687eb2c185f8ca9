"""promobot's own status on commits: where each forge has it, what it leaves alone, and what bad networks do to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ConflictError, ForgeError
from bot.forges.errors import StatusError
from bot.forges.github import GitHubForge
from bot.forges.gitlab.statuses import Statuses
from bot.repositories import CommitStatus, RequestState, StatusState
from tests.doubles.github.state import Status as HubStatus
from tests.doubles.gitlab.state import Status as LabStatus
from tests.forges.conftest import PROJECT, World
from tests.forges.places import NOON, GitHubPlace, GitLabPlace, github_place, gitlab_place
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind

GREEN = CommitStatus(StatusState.SUCCESS, "1 image is in registry prod")
RED = CommitStatus(StatusState.FAILURE, "shop/web:2 is not in registry prod")
WAITING = CommitStatus(StatusState.PENDING, "registry prod: 503")

READ, WRITE = "GET /projects/:id/repository/commits/:sha/statuses", "POST /projects/:id/statuses/:sha"
POST = "POST .*/statuses/"
FAULTS: list[Kind] = [
    CutBefore(),
    CutAfter(),
    AnswerAfter(502),
    AnswerAfter(408),
    Answer(500),
    Answer(503),
    Answer(429),
    Answer(429, {"Retry-After": "1"}),
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "gitlab") as made:
        yield made


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[GitHubPlace]:
    with github_place(tmp_path / "github") as made:
        yield made


# --- GitLab ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelines_for", ["push", "merge_request_event"])
def test_the_pipeline_that_there_is_has_it(lab: GitLabPlace, pipelines_for: str) -> None:
    """So that the merge request's pipeline is as the worst of its jobs and promobot's status."""
    lab.made.pipelines_for = pipelines_for
    lab.made.only_allow_merge_if_pipeline_succeeds = True
    head = lab.push("x", "2")
    lab.opened_by_ann("x")
    (pipeline,) = lab.made.pipelines
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    lab.gitlab.finish(lab.made, "success")
    with pytest.raises(ConflictError, match="its pipeline has to succeed first"):
        lab.forge.merge(lab.project, 1, head=head)
    assert lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.made.pipelines == [pipeline]
    assert [job.name for job in pipeline.statuses] == ["promobot", "promobot"]
    assert lab.forge.merge(lab.project, 1, head=head).state is RequestState.MERGED


def test_what_somebody_pushes_before_it_is_opened_gets_nothing(lab: GitLabPlace) -> None:
    """What is said is about the commit that promobot made."""
    head = lab.push("x", "2")
    assert lab.forge.set_status(lab.project, head, GREEN, branch="x", new=True)
    theirs = lab.push("x", "3")
    assert lab.forge.open(lab.project, lab.draft(), status=GREEN).request.head == theirs
    assert lab.forge.statuses(lab.project, [head, theirs]) == {head: GREEN}


def test_without_a_pipeline_there_is_one_of_its_own(lab: GitLabPlace) -> None:
    lab.made.only_allow_merge_if_pipeline_succeeds = True
    head = lab.push("x", "2")
    lab.push("y", "2")
    lab.repository.move("a-branch-that-has-it-too", head, None)
    lab.opened_by_ann("x")
    for status in (WAITING, RED, WAITING, GREEN):
        lab.forge.set_status(lab.project, head, status, branch="x")
    assert [(one.source, one.ref, one.status) for one in lab.made.pipelines] == [("external", "x", "success")]
    assert lab.forge.merge(lab.project, 1, head=head).state is RequestState.MERGED


def test_a_branch_that_has_the_same_commit_has_pipelines_of_its_own(lab: GitLabPlace) -> None:
    """No merge request of another branch goes by them, be they newer."""
    lab.made.pipelines_for = "push"
    head = lab.push("x", "2")
    lab.opened_by_ann("x")
    lab.forge.set_status(lab.project, head, GREEN, branch="x")
    lab.repository.move("y", head, None)
    lab.gitlab.finish(lab.made, "running")
    for pipeline in lab.made.pipelines:
        pipeline.statuses.append(LabStatus(7000 + pipeline.id, "lint", pipeline.ref, "running", lab.ann, NOON, ""))
    assert lab.forge.statuses(lab.project, [head]) == {}, "it isn't so of both"
    assert lab.forge.statuses(lab.project, [head], branches={head: "x"}) == {head: GREEN}
    assert lab.forge.statuses(lab.project, [head], branches={head: "y"}) == {}
    assert not lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    assert lab.forge.set_status(lab.project, head, RED, branch="y")
    assert lab.forge.statuses(lab.project, [head]) == {head: RED}
    said = {one.ref: [job.state for job in one.statuses if job.name == "promobot"] for one in lab.made.pipelines}
    assert said == {"x": ["success", "failed"], "y": ["failed"]}


def test_what_waits_on_two_branches_at_one_commit_waits_on_both(lab: GitLabPlace) -> None:
    """Nothing is taken back of what was said of the other one."""
    lab.made.pipelines_for = "push"
    head = lab.push("x", "2")
    lab.repository.move("y", head, None)
    lab.gitlab.finish(lab.made, "running")
    for pipeline in lab.made.pipelines:
        pipeline.statuses.append(LabStatus(7000 + pipeline.id, "lint", pipeline.ref, "running", lab.ann, NOON, ""))
    for branch in ("x", "y"):
        assert lab.forge.set_status(lab.project, head, WAITING, branch=branch)
    said = {one.ref: [job.state for job in one.statuses if job.name == "promobot"] for one in lab.made.pipelines}
    assert said == {"x": ["pending"], "y": ["pending"]}


def test_each_merge_request_of_a_commit_has_it_in_a_pipeline_of_its_own(lab: GitLabPlace) -> None:
    """No other one goes by that, be it newer."""
    lab.made.pipelines_for = "merge_request_event"
    lab.made.only_allow_merge_if_pipeline_succeeds = True
    head = lab.push("x", "2")
    lab.repository.move("dev", lab.repository.head("main"), None)
    lab.opened_by_ann("x")
    assert lab.forge.set_status(lab.project, head, WAITING, branch="x")
    lab.gitlab.open(lab.made, lab.ann, "x", "dev")
    assert lab.forge.statuses(lab.project, [head], branches={head: "x"}) == {}, "it isn't so of both"
    for status in (WAITING, RED):
        assert lab.forge.set_status(lab.project, head, status, branch="x")
        assert lab.forge.statuses(lab.project, [head]) == {head: status}
        assert not lab.forge.set_status(lab.project, head, status, branch="x")
    said = [[job.state for job in one.statuses] for one in lab.made.pipelines]
    assert said == [["failed"], ["failed"]]


def test_a_gitlab_that_tells_no_pipeline_numbers_is_told_once(
    lab: GitLabPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 15 all jobs of a commit are taken for one pipeline's."""
    jobs = Statuses._jobs
    monkeypatch.setattr(
        Statuses, "_jobs", lambda self, commit: [{**one, "pipeline_id": None} for one in jobs(self, commit)]
    )
    lab.made.pipelines_for = "merge_request_event"
    head = lab.push("x", "2")
    lab.opened_by_ann("x")
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    assert lab.forge.statuses(lab.project, [head], branches={head: "x"}) == {head: RED}
    assert not lab.forge.set_status(lab.project, head, RED, branch="x")


def test_what_an_old_pipeline_refuses_is_said_in_the_newest(lab: GitLabPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one may be of a merge request that was closed long ago."""
    lab.made.pipelines_for = "merge_request_event"
    head = lab.push("x", "2")
    lab.opened_by_ann("x")
    lab.repository.move("dev", lab.repository.head("main"), None)
    lab.gitlab.open(lab.made, lab.ann, "x", "dev")
    old, new = lab.made.pipelines
    say = Statuses._say

    def refuse(self: Statuses, commit: str, wanted: CommitStatus, seen: Any, branch: str) -> int:
        if seen.pipeline == old.id:
            raise StatusError("no", hint="", status=403, said=())
        return say(self, commit, wanted, seen, branch)

    monkeypatch.setattr(Statuses, "_say", refuse)
    with pytest.raises(StatusError):
        lab.forge.set_status(lab.project, head, RED, branch="x")
    assert [job.state for job in new.statuses] == ["failed"]


def test_one_that_goes_by_its_branch_has_it_there_though_another_has_pipelines(lab: GitLabPlace) -> None:
    """Which jobs run may depend on the target."""
    lab.made.pipelines_for = "push"
    head = lab.push("x", "2")
    lab.opened_by_ann("x")
    assert lab.forge.set_status(lab.project, head, GREEN, branch="x")
    lab.made.pipelines_for = "merge_request_event"
    lab.repository.move("dev", lab.repository.head("main"), None)
    lab.gitlab.open(lab.made, lab.ann, "x", "dev")
    for status in (RED, GREEN):
        assert lab.forge.set_status(lab.project, head, status, branch="x")
        assert lab.forge.statuses(lab.project, [head], branches={head: "x"}) == {head: status}
        assert not lab.forge.set_status(lab.project, head, status, branch="x")
        assert [one.statuses[-1].description for one in lab.made.pipelines] == [status.description] * 2


def test_a_newer_pipeline_has_none_yet(lab: GitLabPlace) -> None:
    """What is set before the merge request is opened may be in another one than what the merge request goes by."""
    lab.made.pipelines_for = "merge_request_event"
    head = lab.push("x", "2")
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    lab.opened_by_ann("x")
    assert lab.forge.statuses(lab.project, [head]) == {}
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    assert [one.source for one in lab.made.pipelines] == ["external", "merge_request_event"]
    assert [len(one.statuses) for one in lab.made.pipelines] == [1, 1]


def test_other_jobs_and_people_are_left_alone(lab: GitLabPlace) -> None:
    head = lab.push("x", "2")
    lab.forge.set_status(lab.project, head, GREEN, branch="x")
    (pipeline,) = lab.made.pipelines
    theirs = LabStatus(7000, "lint", "x", "failed", lab.ann, NOON, "mine")
    pipeline.statuses.append(theirs)
    assert lab.forge.statuses(lab.project, [head]) == {head: GREEN}
    lab.forge.set_status(lab.project, head, RED, branch="x")
    assert [job for job in pipeline.statuses if job.name != "promobot"] == [theirs]
    # Whoever sets promobot's by hand is corrected.
    pipeline.statuses.append(LabStatus(7001, "promobot", "x", "success", lab.ann, NOON, "fine with me"))
    assert lab.forge.statuses(lab.project, [head])[head].description == "fine with me"
    assert lab.forge.set_status(lab.project, head, RED, branch="x")
    assert lab.forge.statuses(lab.project, [head]) == {head: RED}


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_gitlab_has_it_once_whatever_is_lost(lab: GitLabPlace, kind: Kind) -> None:
    head = lab.push("x", "2")
    lab.running.inject(Fault(POST, kind))
    assert lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.running.faults[0].times == 0, "it was not asked for"
    (pipeline,) = lab.made.pipelines
    assert [(job.name, job.state) for job in pipeline.statuses] == [("promobot", "success")]
    lab.running.inject(Fault(f"GET .*{head}/statuses", kind))
    assert lab.forge.statuses(lab.project, [head]) == {head: GREEN}


def test_somebody_who_sets_it_in_the_same_moment_is_waited_for(lab: GitLabPlace) -> None:
    """app/services/ci/create_commit_status_service.rb, FailedToObtainLockError"""
    head = lab.push("x", "2")
    said = b'{"message":"Another update to this commit status is in progress"}'
    lab.running.inject(Fault(POST, Answer(409, {"Content-Type": "application/json"}, said), times=2))
    assert lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.forge.statuses(lab.project, [head]) == {head: GREEN}
    lab.running.inject(Fault(POST, Answer(409, {"Content-Type": "application/json"}, said), ALWAYS))
    with pytest.raises(ForgeError, match="is in progress"):
        lab.forge.set_status(lab.project, head, RED, branch="x")


def test_what_is_said_already_by_then_is_no_failure(lab: GitLabPlace) -> None:
    head = lab.push("x", "2")
    said = (
        b'{"message":"Cannot transition status via :enqueue from :pending'
        b' (Reason(s): Status cannot transition via \\"enqueue\\")"}'
    )
    lab.running.inject(Fault(POST, Answer(400, {"Content-Type": "application/json"}, said)))
    assert lab.forge.set_status(lab.project, head, WAITING, branch="x")
    assert lab.forge.statuses(lab.project, [head]) == {head: WAITING}


def test_a_status_costs_gitlab_two_requests_and_one_that_is_there_one(lab: GitLabPlace) -> None:
    head = lab.push("x", "2")
    lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.running.counts() == {READ: 1, WRITE: 1}
    lab.running.forget()
    lab.forge.set_status(lab.project, head, GREEN, branch="x")
    assert lab.running.counts() == {READ: 1}


# --- GitHub ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_github_says_it_whatever_is_lost(hub: GitHubPlace, kind: Kind) -> None:
    head = hub.push("x", "2")
    hub.running.inject(Fault(POST, kind))
    assert hub.forge.set_status(hub.project, head, GREEN, branch="x")
    assert hub.running.faults[0].times == 0, "it was not asked for"
    hub.running.inject(Fault("POST .*/graphql", kind))
    assert hub.forge.statuses(hub.project, [head]) == {head: GREEN}


def test_github_takes_no_character_of_four_bytes(hub: GitHubPlace) -> None:
    head = hub.push("x", "2")
    told = CommitStatus(StatusState.FAILURE, "the alias *\U0001f680 has no anchor")
    assert hub.forge.set_status(hub.project, head, told, branch="x")
    assert hub.forge.statuses(hub.project, [head]) == {head: told.within(140)}
    assert not hub.forge.set_status(hub.project, head, told, branch="x")


def test_a_commit_that_github_does_not_see_yet_is_waited_for(hub: GitHubPlace) -> None:
    head = hub.push("x", "2")
    said = b'{"message":"No commit found for SHA: ' + head.encode() + b'","documentation_url":"x","status":"422"}'
    hub.running.inject(Fault(POST, Answer(422, {"Content-Type": "application/json"}, said), times=2))
    assert hub.forge.set_status(hub.project, head, GREEN, branch="x")
    assert len(hub.sleeps.seconds) == 2


def test_others_are_left_alone_and_many_commits_are_one_request(hub: GitHubPlace) -> None:
    commits = [hub.push(f"x{number}", str(number)) for number in range(50)]
    hub.forge.set_status(hub.project, commits[0], RED, branch="x0")
    made = hub.hub.projects[hub.project]
    theirs = HubStatus(7000, "ann", "ci/lint", "failure", "mine", None, NOON)
    made.statuses[commits[0]].append(theirs)
    hub.running.forget()
    assert hub.forge.statuses(hub.project, commits) == {commits[0]: RED}
    assert hub.running.counts() == {"POST /graphql repository": 1}
    hub.forge.set_status(hub.project, commits[0], GREEN, branch="x0")
    assert made.combined(commits[0])["ci/lint"] == theirs


def test_a_first_promotion_takes_github_five_requests(hub: GitHubPlace) -> None:
    """Beside what a run reads once: the status with a look, the opening, its labels and its reviewers."""
    head = hub.push("x", "2")
    hub.forge.open_requests(hub.project)
    hub.running.forget()
    hub.forge.set_status(hub.project, head, GREEN, branch="x")
    hub.open()
    counts = hub.running.counts()
    assert sum(count for route, count in counts.items() if "/teams/" not in route) == 5, counts
    hub.running.forget()
    assert not hub.forge.set_status(hub.project, head, GREEN, branch="x")
    assert hub.running.counts() == {"POST /graphql repository": 1}


def test_what_the_token_of_github_lacks_is_named(hub: GitHubPlace) -> None:
    head = hub.push("x", "2")
    reader: GitHubForge = hub.another(hub.hub.classic("platform-robot", "read:org"))
    with pytest.raises(ForgeError):
        reader.set_status(hub.project, head, GREEN, branch="x")
    assert hub.forge.statuses(hub.project, [head]) == {}


# --- the local forge ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [RED, WAITING], ids=lambda status: status.state.value)
def test_the_local_forge_merges_nothing_by_itself_that_is_not_good(world: World, status: CommitStatus) -> None:
    head, main = world.push("x", "2"), world.head("main")
    world.open()
    world.forge.set_status(PROJECT, head, status, branch="x")
    waits = world.forge.merge_when_ready(PROJECT, 1, head=head, into="main").waits
    assert waits.startswith(f"promobot's status on merge request {PROJECT}!1 is {status.state.value}")
    assert (world.head("main"), world.forge.get(PROJECT, 1).state) == (main, RequestState.OPEN)
    moved = world.push("x", "3")
    world.forge.set_status(PROJECT, moved, GREEN, branch="x")
    assert world.forge.merge_when_ready(PROJECT, 1, head=moved, into="main").request.state is RequestState.MERGED


def test_the_local_forge_keeps_those_of_branches(world: World) -> None:
    first = world.push("x", "2")
    world.forge.set_status(PROJECT, first, RED, branch="x")
    assert world.refs("refs/promobot/statuses") == [f"refs/promobot/statuses/{first}"]
    second, other = world.push("x", "3"), world.push("y", "4")
    for head, branch in ((second, "x"), (other, "y")):
        world.forge.set_status(PROJECT, head, GREEN, branch=branch)
    assert set(world.forge.statuses(PROJECT, [first, second, other])) == {second, other}


def test_a_stored_status_that_is_none_says_where_it_is(world: World) -> None:
    head = world.push("x", "2")
    world.forge.set_status(PROJECT, head, GREEN, branch="x")
    blob = world.clone.heads(["main"])["main"]
    world.show("HEAD")
    (world.bare / "refs" / "promobot" / "statuses" / head).write_text(f"{blob}\n")
    with pytest.raises(ForgeError, match=f"refs/promobot/statuses/{head} is not a status"):
        world.forge.statuses(PROJECT, [head])
