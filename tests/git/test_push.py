from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone, LeaseLost, Pushed
from bot.repositories import FileChange
from tests.git.conftest import BOT, NOON
from tests.git.origin import Origin, git


def made(clone: Clone, base: str, content: bytes = b"bot") -> str:
    return clone.commit(base, [FileChange("a", content)], "bot", NOON)


def test_a_branch_is_made_moved_and_deleted(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    one, two = made(clone, base), made(clone, base, b"again")
    assert clone.push("bot/x", one, None) == Pushed(changed=True)
    assert origin.head("bot/x") == one
    assert clone.push("bot/x", two, one) == Pushed(changed=True)
    assert origin.head("bot/x") == two
    assert clone.push("bot/x", two, one) == Pushed(changed=False)
    assert clone.push("bot/x", None, two) == Pushed(changed=True)
    assert origin.head("bot/x") is None
    assert origin.head("main") == base


@pytest.mark.parametrize("theirs", [True, False])
def test_a_lease_that_no_longer_holds_writes_nothing(origin: Origin, clone: Clone, *, theirs: bool) -> None:
    base = origin.commit({"a": b"1"})
    person = origin.commit({"a": b"person"}, branch="x") if theirs else None
    commit = made(clone, base)
    wrong: list[str | None] = [base, None] if theirs else [base]
    for expected in wrong:
        assert isinstance(clone.push("x", commit, expected), LeaseLost)
    assert isinstance(clone.push("x", None, base), LeaseLost)
    assert origin.head("x") == person


def test_the_reason_names_branch_and_repository(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    lost = clone.push("main", made(clone, base), None)
    assert lost == LeaseLost(f"branch main of {origin.url} is no longer absent")


def test_a_push_works_although_the_server_moved_on(origin: Origin, clone: Clone) -> None:
    """Git would then send the whole history, whose contents a blob-less clone doesn't have."""
    base = origin.commit({f"f{n}": bytes([n]) for n in range(30)} | {"a": b"1"})
    commit = made(clone, base)
    moved = origin.commit({"a": b"person"})
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert (origin.head("x"), origin.head("main")) == (commit, moved)
    objects = git(clone._git.path, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    assert objects.split().count("blob") == 1  # the bot's own


def test_a_server_that_declines_is_an_error_with_its_words(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    origin.hook("pre-receive", "echo 'branch is frozen until Monday' >&2; exit 1")
    with pytest.raises(GitError, match=f"push branch x to {origin.url}.*frozen until Monday") as caught:
        clone.push("x", made(clone, base), None)
    assert "rules for this branch" in caught.value.hint
    assert origin.head("x") is None


def test_a_branch_inside_another_is_an_error_not_a_lost_lease(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    with pytest.raises(GitError, match="'refs/heads/main' exists"):
        clone.push("main/x", made(clone, base), None)


def test_a_push_whose_answer_is_lost_is_recognised_by_the_branch(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    commit = made(clone, base)
    origin.hook("post-receive", "kill -9 $PPID")
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert origin.head("x") == commit


def test_a_server_that_loses_the_race_after_its_answer_is_a_lost_lease(origin: Origin, clone: Clone) -> None:
    """The lease is checked against what the server said first; what it checks itself comes later."""
    base = origin.commit({"a": b"1"})
    commit = made(clone, base)
    origin.hook("pre-receive", f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/x {base}")
    assert isinstance(clone.push("x", commit, None), LeaseLost)
    assert origin.head("x") == base


# What servers say to an update whose old value no longer holds, while the branch looks as it did: git and GitHub that
# the ref can't be locked, GitLab that the old value is incorrect.
_LOST = [
    "error: cannot lock ref 'refs/heads/x': is at {theirs} but expected {zero}",
    "error: reference already exists",
    "error: failed to update ref",
    "GitLab: update reference: incorrect old value provided",
]


@pytest.mark.parametrize("words", _LOST)
def test_a_server_that_finds_another_old_value_is_a_lost_lease(origin: Origin, clone: Clone, words: str) -> None:
    """Somebody was faster: that is for the next look at the branch, and no failure of Git."""
    base = origin.commit({"a": b"1"})
    commit = made(clone, base)
    said = words.format(theirs=base, zero="0" * 40).replace("'", "'\\''")
    origin.hook("pre-receive", f"echo '{said}' >&2; exit 1")
    assert clone.push("x", commit, None) == LeaseLost(f"branch x of {origin.url} is no longer absent")
    assert origin.head("x") is None


def test_one_of_many_wins_an_empty_lease(origin: Origin, tmp_path: Path) -> None:
    base = origin.commit({"a": b"1"})
    clones = [Clone(origin.url, tmp_path / f"clone{n % 2}.git", BOT) for n in range(6)]
    commits = [made(clone, base, b"%d" % n) for n, clone in enumerate(clones)]
    barrier = threading.Barrier(len(clones))

    def push(number: int) -> Pushed | LeaseLost:
        barrier.wait()
        return clones[number].push("x", commits[number], None)

    with ThreadPoolExecutor(len(clones)) as pool:
        results = list(pool.map(push, range(len(clones))))
    (winner,) = [number for number, result in enumerate(results) if result == Pushed(changed=True)]
    assert all(isinstance(result, LeaseLost) for number, result in enumerate(results) if number != winner)
    assert origin.head("x") == commits[winner]


def test_many_threads_write_in_one_clone(origin: Origin, tmp_path: Path) -> None:
    base = origin.commit({"a": b"1"})
    barrier = threading.Barrier(6)

    def promote(number: int) -> str:
        barrier.wait()
        clone = Clone(origin.url, tmp_path / "one.git", BOT)
        assert clone.files(base, ["a"])[0].content == b"1"
        commit = made(clone, base, b"%d" % number)
        assert clone.push(f"x{number}", commit, None) == Pushed(changed=True)
        return commit

    with ThreadPoolExecutor(6) as pool:
        commits = list(pool.map(promote, range(6)))
    assert [origin.head(f"x{n}") for n in range(6)] == commits
    assert [origin.show(commit, "a") for commit in commits] == [b"%d" % n for n in range(6)]


def test_a_push_is_one_process_and_its_server(origin: Origin, clone: Clone, processes: Callable[[], list[str]]) -> None:
    base = origin.commit({"a": b"1"})
    commit = made(clone, base)
    processes()
    clone.push("x", commit, None)
    assert [argv for argv in processes() if " push " in argv] == [
        f"--git-dir={clone._git.path} push --porcelain --no-verify --force-with-lease=refs/heads/x:"
        f" origin {commit}:refs/heads/x"
    ]
    assert git(clone._git.path, "for-each-ref", "--format=%(refname)", "refs/remotes") == ""
