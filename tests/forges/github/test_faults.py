"""Whatever is lost on the way: one merge request, with what it should have, and nothing said twice."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from bot.errors import ConflictError, ForgeError
from bot.forges.errors import LimitError
from bot.repositories import RequestState
from tests.doubles.github import Protection
from tests.forges.github.conftest import LOGIN, PROJECT, World, draft
from tests.forges.racing import open_at_once
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Fault, Kind

LIMITED = json.dumps({"message": "You have exceeded a secondary rate limit. Please wait."}).encode()
FAULTS = [
    CutBefore(),
    CutAfter(),
    CutMidway(),
    Answer(500, body=b"{}"),
    Answer(502, body=b"<html>"),
    AnswerAfter(504),
    Answer(429),
    Answer(429, {"Retry-After": "7"}),
    Answer(403, {"Retry-After": "7"}, LIMITED),
    Answer(403, {"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "9999999999"}, LIMITED),
]
# Each request of opening one, in their order.
OPENING = [
    "GET .*/user",
    "POST .*/pulls$",
    "POST .*/issues/1/labels",
    "POST .*/pulls/1/requested_reviewers",
]


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
@pytest.mark.parametrize("request_", OPENING)
def test_one_is_opened_whatever_is_lost(world: World, kind: Kind, request_: str) -> None:
    world.push()
    world.running.inject(Fault(request_, kind))
    opened = world.forge.open(PROJECT, draft())
    assert world.running.faults[0].times == 0, "it was not asked for"
    assert opened.created
    assert list(world.pulls) == [1]
    pull = world.pulls[1]
    assert (pull.labels, pull.reviewers, pull.teams) == (["promobot", "to-prod"], ["ann"], ["sre"])
    assert world.forge.open_requests(PROJECT) == (opened.request,)
    assert world.forge.open(PROJECT, draft()).created is False


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_reading_goes_on(world: World, kind: Kind) -> None:
    world.open()
    world.running.inject(Fault("POST .*/graphql", kind))
    assert [request.number for request in world.forge.open_requests(PROJECT)] == [1]


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_one_is_closed_with_its_reason(world: World, kind: Kind) -> None:
    world.open()
    world.running.inject(Fault("PATCH .*/pulls/1", kind))
    closed = world.forge.close(PROJECT, 1, reason="no longer due", by="promobot")
    assert world.running.faults[0].times == 0
    assert (closed.state, closed.reason, closed.body) == (RequestState.CLOSED, "no longer due", "why")
    assert (world.pulls[1].body or "").count("no longer due") == 2, "for people, and for us"


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_one_is_merged_once(world: World, kind: Kind) -> None:
    world.open()
    head, before = world.pulls[1].head, world.repository.head("main")
    world.running.inject(Fault("PUT .*/merge", kind))
    merged = world.forge.merge(PROJECT, 1, head=head, by="promobot")
    assert merged.state is RequestState.MERGED
    assert world.repository.git("log", "-1", "--format=%P", "main") == f"{before} {head}"


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
def test_one_is_changed_and_called_ready(world: World, kind: Kind) -> None:
    world.open(draft=True)
    world.running.inject(Fault("PATCH", kind))
    assert world.forge.update(PROJECT, 1, title="new", body="new").title == "new"
    # The first reads it, the second changes it.
    world.running.inject(Fault("POST .*/graphql", kind, skip=1))
    assert not world.forge.ready(PROJECT, 1).draft
    assert not world.pulls[1].draft


def test_what_fails_for_good_is_told_and_a_later_pass_completes_it(world: World) -> None:
    world.push()
    world.running.inject(Fault("POST .*/pulls$", Answer(503, body=b"<html>"), ALWAYS))
    with pytest.raises(ForgeError, match=r"POST .*/api/v3/repos/acme/gitops-prod/pulls: the forge failed \(HTTP 503\)"):
        world.forge.open(PROJECT, draft())
    assert world.pulls == {}
    world.running.heal()
    assert world.forge.open(PROJECT, draft()).created


def test_pauses_are_as_long_as_github_asks_and_the_primary_limit_s_is_not_taken_for_the_secondary_s(
    world: World,
) -> None:
    world.open()
    world.clock.slept.clear()
    for headers in ({"Retry-After": "7"}, {"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "9999999999"}):
        world.running.inject(Fault("PATCH", Answer(403, headers, LIMITED)))
        world.forge.update(PROJECT, 1, title=headers.get("Retry-After", "later"), body="b")
    assert world.clock.slept == [7.0, 60.0]


def test_an_hour_that_is_used_up_is_not_waited_for(world: World) -> None:
    world.hub.limits.by_hour = 1
    with pytest.raises(LimitError, match=r"wants 36\d\d s without any"):
        world.by(world.hub.classic(LOGIN, "repo")).open_requests(PROJECT)


@pytest.mark.parametrize("type_", ["RATE_LIMITED", "RATE_LIMIT"])
def test_graphql_says_that_the_limit_is_reached_in_its_own_way(world: World, type_: str) -> None:
    world.open()
    world.clock.slept.clear()
    said = json.dumps({"errors": [{"type": type_, "message": "API rate limit exceeded"}]}).encode()
    kind = {"Content-Type": "application/json"}
    soon = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    for headers in (kind, {**kind, **soon}):
        world.running.inject(Fault("graphql", Answer(200, headers, said)))
        assert len(world.forge.open_requests(PROJECT)) == 1
    assert world.clock.slept[0] == 60.0
    assert 0 < world.clock.slept[1] <= 32
    world.running.inject(Fault("graphql", Answer(200, {"Content-Type": "application/json"}, said), ALWAYS))
    with pytest.raises(LimitError):
        world.forge.open_requests(PROJECT)


@pytest.mark.parametrize(
    "error", [{"field": "head", "code": "invalid"}, {"message": "A pull request already exists for"}]
)
def test_a_part_of_github_may_be_behind(world: World, error: dict[str, str]) -> None:
    world.push()
    said = json.dumps({"message": "Validation Failed", "errors": [{"resource": "PullRequest", **error}]}).encode()
    world.running.inject(Fault("POST .*/pulls$", Answer(422, {"Content-Type": "application/json"}, said), times=2))
    assert world.forge.open(PROJECT, draft()).created
    assert len(world.clock.slept) == 2


def test_the_base_that_moves_in_the_moment_of_a_merge_is_looked_at_again(world: World) -> None:
    world.open()
    said = b'{"message": "Base branch was modified. Review and try the merge again."}'
    world.running.inject(Fault("PUT .*/merge", Answer(405, {"Content-Type": "application/json"}, said)))
    assert world.forge.merge(PROJECT, 1, head=world.pulls[1].head, by="x").state is RequestState.MERGED


def test_a_refusal_may_mean_that_it_is_merged_already(world: World) -> None:
    world.open()
    head = world.pulls[1].head
    said = b'{"message": "Pull Request is not mergeable"}'
    world.running.inject(Fault("PUT .*/merge", AnswerAfter(405, {"Content-Type": "application/json"}, said)))
    assert world.forge.merge(PROJECT, 1, head=head, by="x").state is RequestState.MERGED
    assert world.running.counts()["PUT /repos/:owner/:repo/pulls/:number/merge"] == 1


def test_a_head_that_moves_in_the_moment_of_a_merge_is_not_merged(world: World) -> None:
    world.open()
    head, main = world.pulls[1].head, world.repository.head("main")
    said = b'{"message": "Head branch was modified. Review and try the merge again."}'
    world.running.inject(Fault("PUT .*/merge", Answer(409, {"Content-Type": "application/json"}, said)))
    world.hub.projects[PROJECT].protections["main"] = Protection(approvals=1)
    with pytest.raises(ConflictError):
        world.forge.merge(PROJECT, 1, head=head, by="x")
    assert world.repository.head("main") == main


def test_four_at_once_open_one(world: World) -> None:
    world.push()
    barrier = threading.Barrier(4)
    opened = []

    def run() -> None:
        forge = world.by(world.token)
        barrier.wait(10)
        opened.append(forge.open(PROJECT, draft()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.created for one in opened) == [False, False, False, True]
    assert {one.request.number for one in opened} == {1}
    assert list(world.pulls) == [1]


def test_processes_that_open_the_same_end_with_one(world: World, tmp_path: Path) -> None:
    world.push()
    (tmp_path / "race").mkdir()
    ends = open_at_once("github", world.running.url, world.token, PROJECT, tmp_path / "race")
    assert sorted(ends) == [(1, False)] * 3 + [(1, True)]
    assert [(pull.number, pull.labels, pull.reviewers) for pull in world.pulls.values()] == [(1, ["l"], ["ann"])]


def test_threads_share_a_forge(world: World) -> None:
    names = [f"b{number}" for number in range(12)]
    for name in names:
        world.push(name, name.encode())
    found = {}

    def run(name: str) -> None:
        found[name] = world.forge.open(PROJECT, draft(name, title=name)).request

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: (request.title, request.source_branch) for name, request in found.items()} == {
        name: (name, name) for name in names
    }
    assert {request.head for request in found.values()} == {world.repository.head(name) for name in names}
