"""Killed anywhere, run again: it goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone, Credential, Pushed
from bot.git.clone import _MAINTENANCE
from bot.git.locks import locked
from bot.repositories import FileChange
from tests.git.conftest import BOT, NOON
from tests.git.origin import Origin, git
from tests.git.smart_http import PASSWORD, USER, SmartHttp

# Clones, reads and commits for ever; a file tells that it has begun.
WORKER = """
import itertools, sys
from datetime import datetime, UTC
from pathlib import Path
from bot.git import Clone, Credential, Identity
from bot.repositories import FileChange
url, directory, began, password = sys.argv[1:]
clone = Clone(url, Path(directory), Identity("b", "b@x"), credential=Credential("promobot", password))
Path(began).touch()
for n in itertools.count():
    head = clone.fetch(["main", "side"])["main"]
    clone.files(head, ["*"])
    clone.commit(head, [FileChange("a", b"%d" % n)], "m", datetime.now(UTC))
    if n % 3 == 2:
        import shutil; shutil.rmtree(directory)
"""


def worker(url: str, directory: Path, began: Path) -> subprocess.Popen[bytes]:
    began.unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-c", WORKER, url, directory, began, PASSWORD])
    deadline = time.monotonic() + 20
    while not began.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def works(clone: Clone, origin: Origin, branch: str) -> None:
    head = clone.fetch(["main"])["main"]
    assert clone.files(head, ["a"])[0].content == b"1"
    commit = clone.commit(head, [FileChange("a", branch.encode())], "m", NOON)
    assert clone.push(branch, commit, None) == Pushed(changed=True)
    assert origin.show(branch, "a") == branch.encode()


def test_killed_at_any_time(origin: Origin, clone: Clone, tmp_path: Path) -> None:
    origin.commit({"a": b"1"})
    origin.commit({"a": b"2"}, branch="side")
    chance = random.Random(7)  # noqa: S311  (not for secrets)
    for attempt in range(8):
        process = worker(origin.url, clone._git.path, tmp_path / "began")
        time.sleep(chance.uniform(0, 0.12))
        kill(process)
        works(clone, origin, f"after{attempt}")
    git(clone._git.path, "-c", "remote.origin.promisor=true", "fsck", "--connectivity-only")


def test_killed_in_the_middle_of_a_fetch(origin: Origin, tmp_path: Path) -> None:
    origin.commit({"a": b"1"})
    origin.configure("http.receivepack", "true")
    with SmartHttp(origin.bare.parent) as http:
        url = f"{http.url}/origin.git"
        http.stall_on = b"command=fetch"
        process = worker(url, tmp_path / "clone.git", tmp_path / "began")
        assert http.stalled.wait(20)
        kill(process)
        http.stall_on = None
        works(Clone(url, tmp_path / "clone.git", BOT, credential=Credential(USER, PASSWORD), timeout=5), origin, "x")


@pytest.mark.parametrize(
    "lock", ["HEAD.lock", "config.lock", "packed-refs.lock", "gc.pid.lock", "refs/promobot/last-commit.lock"]
)
def test_locks_left_by_a_killed_git_are_removed(origin: Origin, clone: Clone, lock: str) -> None:
    origin.commit({"a": b"1"})
    works(clone, origin, "before")
    (clone._git.path / lock).touch()
    works(clone, origin, "after")
    assert not (clone._git.path / lock).exists()


@pytest.mark.parametrize("by", ["nobody", "another"])
def test_a_clone_that_somebody_removes_meanwhile_is_filled_again(origin: Origin, clone: Clone, by: str) -> None:
    """Whoever makes it anew: another run may have the same one."""
    origin.commit({"a": b"1"})
    works(clone, origin, "before")
    shutil.rmtree(clone._git.path)
    if by == "another":
        Clone(origin.url, clone._git.path, BOT)._make()
    works(clone, origin, "after")


def test_half_a_clone_is_made_anew(origin: Origin, clone: Clone) -> None:
    origin.commit({"a": b"1"})
    half = clone._git.path.with_name("clone.git.new")
    (half / "refs").mkdir(parents=True)
    (half / "HEAD").write_text("nonsense")
    works(clone, origin, "after")
    assert not half.exists()


def test_what_is_no_clone_is_left_alone(origin: Origin, clone: Clone) -> None:
    origin.commit({"a": b"1"})
    clone._git.path.mkdir(parents=True)
    (clone._git.path / "thesis.txt").write_text("years of work")
    with pytest.raises(GitError, match="is not a clone"):
        clone.fetch(["main"])
    assert (clone._git.path / "thesis.txt").read_text() == "years of work"


def test_who_waits_too_long_for_the_lock_says_so(origin: Origin, tmp_path: Path) -> None:
    origin.commit({"a": b"1"})
    clone = Clone(origin.url, tmp_path / "clone.git", BOT, timeout=0.2)
    with (
        locked(tmp_path / "clone.git.lock", timeout=1),
        pytest.raises(GitError, match=r"was held by another process for 0\.2 s"),
    ):
        clone.fetch(["main"])


def test_housekeeping_keeps_everything(origin: Origin, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    eager = {**_MAINTENANCE, "gc.auto": "1", "gc.autoPackLimit": "1"}
    monkeypatch.setattr("bot.git.clone._MAINTENANCE", eager)
    first = origin.commit({"a": b"1", "b": b"2"})
    for n in range(4):
        assert clone.files(clone.fetch(["main"])["main"], ["a"])[0].content == b"1"
        origin.commit({"b": b"%d" % n})
    packs = list((clone._git.path / "objects" / "pack").glob("*.pack"))
    assert len(packs) <= 3
    head = clone.fetch(["main"])["main"]
    assert len(clone.commits(first, [head])[head]) == 4
    works(clone, origin, "after")
