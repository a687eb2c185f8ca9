"""What has to be up to date before it is merged, and the merge queue."""

from __future__ import annotations

import pytest

from tests.doubles.github.conftest import PROJECT, REPO, World
from tests.doubles.github.state import CheckRun, Protection
from tests.doubles.github.test_pulls import ENABLE, MERGE, ready

STATE = """query($o: String!, $n: String!) { repository(owner: $o, name: $n) { pullRequest(number: 1) {
  mergeStateStatus isMergeQueueEnabled mergeQueueEntry { enqueuer { login } }
  autoMergeRequest { pullRequest { mergeStateStatus } }
  commits(last: 1) { nodes { commit { oid status { state } } } } } } }"""
ENQUEUE = "mutation($i: ID!) { enqueuePullRequest(input: {pullRequestId: $i}) { mergeQueueEntry { id } } }"
DEQUEUE = "mutation($i: ID!) { dequeuePullRequest(input: {id: $i}) { mergeQueueEntry { id } } }"


def strict(world: World, *contexts: str) -> None:
    world.hub.projects[PROJECT].protections["main"] = Protection(up_to_date=True, contexts=contexts)


def says(world: World, head: str, *contexts: str, state: str = "success") -> None:
    for context in contexts:
        world.bot.rest("POST", f"{REPO}/statuses/{head}", {"state": state, "context": context})


@pytest.mark.parametrize(
    ("contexts", "words"),
    [
        (("ci",), 'Required status check "ci" is expected.'),
        (("ci", "promobot"), "2 of 2 required status checks are expected."),
    ],
)
def test_what_is_behind_is_not_merged_however_green_it_is(world: World, contexts: tuple[str, ...], words: str) -> None:
    strict(world, *contexts)
    opened = world.open()
    says(world, opened["head"]["sha"], *contexts)
    world.repository.commit("main", {"b": b"theirs"})
    ready(world)
    assert world.bot.rest("PUT", MERGE, {}).refusal[:2] == (405, words)
    assert "errors" not in world.bot.graphql(ENABLE, i=opened["node_id"])
    pull = world.bot.rest("GET", f"{REPO}/pulls/1").body
    assert (pull["mergeable_state"], pull["merged"]) == ("behind", False), "its auto-merge waits"


def test_nothing_is_behind_where_no_check_is_asked_for(world: World) -> None:
    strict(world)
    world.open()
    world.repository.commit("main", {"b": b"theirs"})
    ready(world)
    assert world.bot.rest("PUT", MERGE, {}).status == 200


def asked(world: World) -> dict[str, object]:
    owner, name = PROJECT.split("/")
    told: dict[str, object] = world.bot.graphql(STATE, o=owner, n=name)["data"]["repository"]["pullRequest"]
    return told


def test_a_queue_merges_what_was_put_there_as_it_was(world: World) -> None:
    project = world.hub.projects[PROJECT]
    project.queues.add("main")
    opened = world.open()
    ready(world)
    assert world.bot.rest("PUT", MERGE, {}).refusal[:2] == (405, "Changes must be made through the merge queue")
    assert "errors" not in world.bot.graphql(ENQUEUE, i=opened["node_id"])
    again = world.bot.graphql(ENQUEUE, i=opened["node_id"])["errors"][0]
    assert again["message"] == "Pull request is already in the queue"
    queued = asked(world)
    assert (queued["mergeStateStatus"], queued["mergeQueueEntry"]) == ("UNKNOWN", {"enqueuer": {"login": "bot"}})
    later = world.branch(content=b"3\n")
    world.hub.land(PROJECT)
    merged = world.bot.rest("GET", f"{REPO}/pulls/1").body
    assert merged["merged"]
    assert world.repository.contains(merged["merge_commit_sha"], opened["head"]["sha"])
    assert not world.repository.contains(merged["merge_commit_sha"], later)


def test_what_is_taken_out_of_the_queue_is_not_merged(world: World) -> None:
    world.hub.projects[PROJECT].queues.add("main")
    opened = world.open()
    ready(world)
    world.bot.graphql(ENQUEUE, i=opened["node_id"])
    assert world.bot.graphql(DEQUEUE, i=opened["node_id"])["data"]["dequeuePullRequest"]["mergeQueueEntry"]
    refused = world.bot.graphql(DEQUEUE, i=opened["node_id"])["errors"][0]
    assert (refused["type"], refused["message"]) == ("UNPROCESSABLE", "Failed to remove PR #1")
    world.hub.land(PROJECT)
    assert not world.bot.rest("GET", f"{REPO}/pulls/1").body["merged"]


def test_auto_merge_ends_in_the_queue(world: World) -> None:
    project = world.hub.projects[PROJECT]
    project.queues.add("main")
    project.protections["main"] = Protection(contexts=("ci",))
    opened = world.open()
    ready(world)
    refused = world.bot.graphql(ENQUEUE, i=opened["node_id"])["errors"][0]
    assert refused["message"] == 'Pull request Required status check "ci" is expected.'
    assert "errors" not in world.bot.graphql(ENABLE, i=opened["node_id"])
    assert asked(world)["autoMergeRequest"] == {"pullRequest": {"mergeStateStatus": "BLOCKED"}}
    says(world, opened["head"]["sha"], "ci")
    told = asked(world)
    assert told["autoMergeRequest"] is None
    assert told["mergeQueueEntry"]
    assert told["commits"] == {"nodes": [{"commit": {"oid": opened["head"]["sha"], "status": {"state": "SUCCESS"}}}]}


# --- the queue's own commits ----------------------------------------------------------------------------


@pytest.fixture
def queue(world: World) -> World:
    """A queue that wants `ci`."""
    project = world.hub.projects[PROJECT]
    project.queues.add("main")
    project.protections["main"] = Protection(contexts=("ci",))
    return world


def queued(world: World, name: str, path: str) -> int:
    """A pull request that adds a file, in the queue; its number."""
    world.repository.commit(name, {path: b"1"})
    opened = world.bot.rest("POST", f"{REPO}/pulls", {"title": name, "head": name, "base": "main"}).body
    says(world, opened["head"]["sha"], "ci")
    number: int = opened["number"]
    world.bot.rest("GET", f"{REPO}/pulls/{number}")
    world.bot.rest("GET", f"{REPO}/pulls/{number}")
    assert "errors" not in world.bot.graphql(ENQUEUE, i=opened["node_id"])
    return number


def branches(world: World) -> dict[str, str]:
    heads: dict[str, str] = world.repository.heads()
    return {name: head for name, head in heads.items() if name.startswith("gh-readonly-queue/")}


def group(world: World, number: int) -> str:
    """The queue's commit for a pull request."""
    (head,) = [head for name, head in branches(world).items() if f"/pr-{number}-" in name]
    return head


def merged(world: World, number: int) -> bool:
    world.hub.land(PROJECT)
    return bool(world.bot.rest("GET", f"{REPO}/pulls/{number}").body["merged"])


def test_each_in_the_queue_has_a_branch_on_those_before_it(queue: World) -> None:
    main = queue.repository.head("main")
    one, other = queued(queue, "x", "x"), queued(queue, "y", "y")
    first, second = group(queue, one), group(queue, other)
    assert branches(queue) == {
        f"gh-readonly-queue/main/pr-{one}-{main}": first,
        f"gh-readonly-queue/main/pr-{other}-{first}": second,
    }
    assert {"x", "y"} <= queue.repository.files(second).keys()
    assert "y" not in queue.repository.files(first)


def test_the_queue_merges_the_commit_that_is_green(queue: World) -> None:
    number = queued(queue, "x", "x")
    head = group(queue, number)
    assert not merged(queue, number), "that it is green before counts for nothing"
    says(queue, head, "ci", state="pending")
    assert not merged(queue, number)
    says(queue, head, "ci")
    assert merged(queue, number)
    assert (queue.repository.head("main"), branches(queue)) == (head, {})


@pytest.mark.parametrize(("status", "check"), [("success", "failure"), ("failure", "success")])
def test_a_status_and_a_check_run_of_one_name_both_count(queue: World, status: str, check: str) -> None:
    number = queued(queue, "x", "x")
    head = group(queue, number)
    run = CheckRun(1, 1, "ci", head, "completed", check, queue.hub.now(), queue.hub.now())
    queue.hub.projects[PROJECT].checks.append(run)
    says(queue, head, "ci", state=status)
    assert not merged(queue, number)
    assert branches(queue) == {}, "it leaves the queue"


def test_what_failed_leaves_the_queue_and_those_behind_are_made_anew(queue: World) -> None:
    one, other = queued(queue, "x", "x"), queued(queue, "y", "y")
    before = group(queue, other)
    says(queue, group(queue, one), "ci", state="failure")
    says(queue, before, "ci")
    assert not merged(queue, one)
    after = group(queue, other)
    assert (after != before, "x" in queue.repository.files(after), len(branches(queue))) == (True, False, 1)
    says(queue, after, "ci")
    assert merged(queue, other)


def test_what_conflicts_with_those_before_it_leaves_the_queue(queue: World) -> None:
    one, other = queued(queue, "x", "same"), queued(queue, "y", "other")
    queue.repository.commit("main", {"same": b"2"})
    queue.hub.synced(PROJECT)
    assert [f"/pr-{one}-" in name for name in branches(queue)] == [False]
    says(queue, group(queue, other), "ci")
    assert merged(queue, other)
