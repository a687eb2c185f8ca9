"""What commits change is compared once, and whatever becomes of what is kept changes no answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.git import Clone, changes
from tests.git.origin import Origin

Processes = Callable[[], list[str]]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the clone keeps them."""
    return tmp_path / "cache/clone.git/promobot-changes"


def walk(clone: Clone, commit: str) -> dict[str, list[str]]:
    found = clone.histories(commit, ["a", "b"], 50)
    return {path: [one.sha for one in commits] for path, commits in found.items()}


def compared(processes: Processes) -> int:
    """How often git compared commits since the last time."""
    return sum("diff-tree" in argv for argv in processes())


def test_commits_are_compared_once(origin: Origin, clone: Clone, processes: Processes) -> None:
    first, second = origin.commit({"a": b"1"}), origin.commit({"b": b"1"})
    assert walk(clone, second) == {"a": [first], "b": [second]}
    assert compared(processes) == 1
    assert walk(clone, second) == {"a": [first], "b": [second]}
    assert compared(processes) == 0
    third = origin.commit({"a": b"2"})
    assert walk(clone, third) == {"a": [third, first], "b": [second]}
    assert compared(processes) == 1


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_broken_is_made_anew(
    origin: Origin, clone: Clone, processes: Processes, kept: Path, content: bytes
) -> None:
    commit = origin.commit({"a": b"1"})
    walk(clone, commit)
    kept.write_bytes(content)
    for _ in range(2):
        assert walk(clone, commit) == {"a": [commit], "b": []}
    compared(processes)
    assert walk(clone, commit) == {"a": [commit], "b": []}
    assert compared(processes) == 0


def test_a_file_that_another_run_writes_is_left_to_it(
    origin: Origin, clone: Clone, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PATIENCE", 0.01)
    commit = origin.commit({"a": b"1"})
    walk(clone, commit)
    later = origin.commit({"a": b"2"})
    with closing(sqlite3.connect(kept)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert walk(clone, later) == {"a": [later, commit], "b": []}
        other.execute("DELETE FROM changes")
        other.commit()
    assert walk(clone, later) == {"a": [later, commit], "b": []}


def test_where_nothing_can_be_kept_git_is_asked(origin: Origin, clone: Clone, processes: Processes, kept: Path) -> None:
    commit = origin.commit({"a": b"1"})
    clone.files(commit, ["a"])
    kept.mkdir()
    compared(processes)
    for _ in range(2):
        assert walk(clone, commit) == {"a": [commit], "b": []}
        assert compared(processes) == 1
