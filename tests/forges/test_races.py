"""Several at once, and killed in between: real processes and threads on one repository."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

import pytest

from bot.errors import ConflictError, ForgeError
from bot.forges.local import LocalForge, settling, store
from bot.forges.local.store import Change, claim_ref, put, request_ref, transact
from bot.git import Pushed
from bot.git.command import GitDirectory
from bot.repositories import FileChange, MergeRequest, RequestState
from tests.forges.conftest import NOON, PROJECT, World, draft
from tests.git.origin import git

T = TypeVar("T")


def at_once(count: int, work: Callable[[int], T]) -> list[T | Exception]:
    """What each of `count` threads, released together, returns or raises."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T | Exception:
        barrier.wait()
        try:
            return work(number)
        except (ForgeError, ConflictError) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


OPENER = """
import sys, time
from pathlib import Path
from bot.forges.local import LocalForge
from bot.repositories import RequestDraft, Reviewers
root, project, ready, go = sys.argv[1:]
Path(ready).touch()
while not Path(go).exists():
    time.sleep(0.001)
print(LocalForge(Path(root)).open(project, RequestDraft("x", "main", "t", "b", Reviewers(), ())).created)
"""


def test_processes_that_open_the_same_get_one(world: World) -> None:
    world.push("x", "2")
    ready, go = [world.root / f"ready{n}" for n in range(3)], world.root / "go"
    openers = [
        subprocess.Popen([sys.executable, "-c", OPENER, world.root, PROJECT, file, go], stdout=subprocess.PIPE)
        for file in ready
    ]
    while not all(file.exists() for file in ready):
        time.sleep(0.001)
    go.touch()
    created = sorted(process.communicate(timeout=30)[0] for process in openers)
    assert created == [b"False\n", b"False\n", b"True\n"]
    assert [request.number for request in world.forge.requests(PROJECT)] == [1]


def test_threads_that_open_the_same_get_one_and_others_their_own_number(world: World) -> None:
    for branch in ("x", "y", "z"):
        world.push(branch, branch)
    opened = at_once(9, lambda n: world.forge.open(PROJECT, draft("xyz"[n % 3])))
    created = [result for result in opened if not isinstance(result, Exception) and result.created]
    assert len(created) == 3
    requests = world.forge.open_requests(PROJECT)
    assert [request.number for request in requests] == [1, 2, 3]
    assert {request.source_branch for request in requests} == {"x", "y", "z"}
    assert len(world.refs("refs/promobot/open")) == 3


def test_a_number_that_was_taken_meanwhile_is_not_taken_again(world: World) -> None:
    world.push("x", "2")
    world.push("y", "3")
    rival = LocalForge(world.root)
    rivals = [draft("y")]

    def slower_than_a_rival() -> datetime:
        """Asked for when the number is chosen, before the transaction."""
        if rivals:
            rival.open(PROJECT, rivals.pop())
        return NOON

    slow = LocalForge(world.root, now=slower_than_a_rival, sleep=lambda _: None)
    assert slow.open(PROJECT, draft("x")).request.number == 2
    assert [request.source_branch for request in world.forge.open_requests(PROJECT)] == ["y", "x"]


def test_one_of_many_merges_happens(world: World) -> None:
    head = world.push("x", "2")
    world.open()
    results = at_once(5, lambda n: world.forge.merge(PROJECT, 1, head=head, by=f"person {n}"))
    assert all(isinstance(result, MergeRequest) for result in results)
    assert len({result.ended_by for result in results if isinstance(result, MergeRequest)}) == 1
    assert git(world.bare, "rev-list", "--count", "--merges", "main") == "1"


def test_merge_and_close_at_once_end_in_one_of_them(world: World) -> None:
    head = world.push("x", "2")
    world.open()

    def end(number: int) -> MergeRequest:
        if number % 2:
            return world.forge.close(PROJECT, 1, reason="no", by="bob")
        return world.forge.merge(PROJECT, 1, head=head, by="ann")

    results = at_once(4, end)
    ended = world.forge.get(PROJECT, 1)
    assert [result == ended or isinstance(result, ConflictError) for result in results] == [True] * 4
    assert (world.head("x") is None) == (ended.state == RequestState.MERGED)


def test_merges_of_several_and_pushes_all_arrive(world: World) -> None:
    heads = {name: world.push(name, name, path=name) for name in ("x", "y", "z")}
    numbers = {name: world.open(name) for name in heads}

    def work(number: int) -> object:
        if number < 3:
            name = "xyz"[number]
            return world.forge.merge(PROJECT, numbers[name], head=heads[name], by="ann")
        return world.push(f"more{number}", "more", path=f"more{number}", base="main")

    results = at_once(5, work)
    assert not [result for result in results if isinstance(result, Exception)]
    tip = world.clone.fetch(["main"])["main"]
    assert {file.path for file in world.clone.files(tip, ["*"])} == {"a", "b", "x", "y", "z"}


def test_a_transaction_is_all_or_nothing(world: World) -> None:
    project = GitDirectory(world.bare, error=ForgeError)
    one, two = put(project, b"1"), put(project, b"2")
    assert transact(project, [Change("refs/promobot/a", None, one)]) is None
    for change in (
        Change("refs/promobot/a", None, two),
        Change("refs/promobot/a", two, one),
        Change("refs/promobot/a", two, None),
        Change("refs/promobot/absent", one, None),
    ):
        assert transact(project, [Change("refs/promobot/b", None, two), change])
        assert world.refs("refs/promobot") == ["refs/promobot/a"]
    with pytest.raises(ForgeError, match="cannot change"):
        transact(project, [Change("refs/promobot/b", None, "1" * 40)])


def test_a_claim_left_by_a_kill_is_taken_over(world: World) -> None:
    world.push("x", "2")
    project = GitDirectory(world.bare)
    transact(project, [Change(claim_ref(("x", "main")), None, put(project, b"left over"))])
    assert world.open() == 1
    world.forge.close(PROJECT, 1, reason="", by="ann")
    assert world.refs("refs/promobot/open") == []


def test_a_merge_cut_off_after_the_target_moved_is_finished(world: World) -> None:
    head = world.push("x", "2")
    world.open()
    before = world.refs("refs/promobot"), world.show(request_ref(1))
    world.forge.merge(PROJECT, 1, head=head, by="ann")
    tip = world.head("main")
    project = GitDirectory(world.bare)
    open_again = put(project, before[1].encode() + b"\n")
    git(world.bare, "update-ref", request_ref(1), open_again)
    git(world.bare, "update-ref", claim_ref(("x", "main")), open_again)
    git(world.bare, "update-ref", "refs/heads/x", head)
    merged = world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert (merged.state, world.head("x"), world.head("main")) == (RequestState.MERGED, None, tip)


def test_a_merged_branch_left_by_a_kill_goes_with_the_next_merge(world: World) -> None:
    head = world.push("x", "2")
    world.open()
    merged = world.forge.merge(PROJECT, 1, head=head, by="ann")
    git(world.bare, "update-ref", "refs/heads/x", head)
    assert world.forge.merge(PROJECT, 1, head=head, by="bob") == merged
    assert world.head("x") is None


@pytest.mark.parametrize(
    "lock", ["HEAD.lock", "packed-refs.lock", "refs/promobot/merge-requests/1.lock", "refs/heads/main.lock"]
)
def test_a_lock_left_by_a_killed_git_is_waited_for_then_removed(world: World, lock: str) -> None:
    head = world.push("x", "2")
    world.open()
    for limit in ("filesRefLockTimeout", "packedRefsTimeout"):
        git(world.bare, "config", f"core.{limit}", "10")
    path = world.bare / lock
    path.touch()
    old = time.time() - store._STALE_AFTER - 1
    patience: list[float] = []

    def sleep(_: float) -> None:
        patience.append(1)
        if path.exists():
            os.utime(path, (old, old))

    patient = LocalForge(world.root, now=lambda: NOON, sleep=sleep)
    assert patient.merge(PROJECT, 1, head=head, by="ann").state == RequestState.MERGED
    assert len(patience) == 2
    assert not path.exists()


def test_what_never_comes_to_rest_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PATIENCE", 0.0)
    world.push("x", "2")
    world.open()
    git(world.bare, "config", "core.filesRefLockTimeout", "10")
    (world.bare / "refs/promobot/merge-requests/1.lock").touch()
    with pytest.raises(ForgeError, match=r"did not come to rest in 0 s: .*1\.lock") as caught:
        world.forge.close(PROJECT, 1, reason="", by="ann")
    assert caught.value.hint == "run again"


# Opens, updates and merges for ever; a file tells that it has begun.
WORKER = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.forges.local import LocalForge
from bot.git import Clone, Identity
from bot.repositories import FileChange, RequestDraft, Reviewers
root, clone, project, name = sys.argv[1:]
forge = LocalForge(Path(root))
clone = Clone(forge.git_url(project), Path(clone), Identity("w", "w@x"))
for n in itertools.count():
    heads = clone.fetch(["main", name])
    change = FileChange(name, f"{n} {datetime.now(UTC)}".encode())
    commit = clone.commit(heads["main"], [change], "m", datetime.now(UTC))
    clone.push(name, commit, heads.get(name))
    request = forge.open(project, RequestDraft(name, "main", f"{n}", "", Reviewers(), ())).request
    forge.update(project, request.number, title=f"again {n}", body="")
    (Path(root) / name).touch()
    forge.merge(project, request.number, head=commit, by="w")
"""


def pushed_at_last(world: World, path: str) -> str:
    """The server of a killed push may still be at work, and a killed merge's lock has to grow old."""
    while True:
        heads = world.clone.fetch(["x", "main"])
        commit = world.clone.commit(heads["main"], [FileChange(path, b"after")], "m", NOON)
        if isinstance(world.clone.push("x", commit, heads.get("x")), Pushed):
            return commit
        world.forge.open_requests(PROJECT)


def test_killed_at_any_time_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_STALE_AFTER", 0.5)
    chance = random.Random(3)  # noqa: S311  (not for secrets)
    for attempt in range(4):
        clone = world.root / f"worker{attempt}"
        process = subprocess.Popen([sys.executable, "-c", WORKER, world.root, clone, PROJECT, "x"])
        deadline = time.monotonic() + 20
        while not (world.root / "x").exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        (world.root / "x").unlink()
        head = pushed_at_last(world, f"after{attempt}")
        number = world.open("x")
        world.forge.merge(PROJECT, number, head=head, by="ann")
        assert world.forge.open_requests(PROJECT) == ()
    tip = world.clone.fetch(["main"])["main"]
    assert len(world.clone.files(tip, ["after*"])) == 4
    git(world.bare, "fsck", "--strict")
    numbers = [request.number for request in world.forge.requests(PROJECT)]
    assert numbers == list(range(1, len(numbers) + 1))
