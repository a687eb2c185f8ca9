"""Replacing files: every one or none, and never over what somebody wrote meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bot.errors import ConflictError, ManifestError
from bot.files import Replacement, open_original, replace_all


@pytest.fixture
def replacements(tmp_path: Path) -> list[Replacement]:
    """Two files that shall hold something new."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"{name} old\n", encoding="utf-8")
    return [Replacement(open_original(str(tmp_path / name)), f"{name} new\n".encode()) for name in ("a", "b")]


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_all_are_replaced_and_nothing_is_left_beside_them(tmp_path: Path, replacements: list[Replacement]) -> None:
    replace_all(replacements)
    assert contents(tmp_path) == {"a": "a new\n", "b": "b new\n"}


@pytest.mark.parametrize("change", ["write", "same size", "old time", "replace", "remove", "link"])
def test_what_somebody_changed_meanwhile_stays_theirs(
    tmp_path: Path, replacements: list[Replacement], change: str
) -> None:
    path = tmp_path / "b"
    match change:
        case "write":
            path.write_text("theirs, and longer\n", encoding="utf-8")
        case "same size":
            path.write_text("b was\n", encoding="utf-8")
        case "old time":
            before = path.stat()
            while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock has ticks
                path.write_text("b was\n", encoding="utf-8")
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "replace":
            path.with_name("new").write_text("b old\n", encoding="utf-8")
            path.with_name("new").replace(path)
        case "remove":
            path.unlink()
        case _:
            path.rename(tmp_path / "c")
            path.symlink_to("c")
    theirs = contents(tmp_path)
    with pytest.raises((ConflictError, ManifestError)) as refusal:
        replace_all(replacements)
    assert f"{path}" in str(refusal.value)
    assert "nothing was changed" in str(refusal.value)
    assert contents(tmp_path) == theirs


def test_a_failure_midway_says_what_is_written_and_what_is_not(
    tmp_path: Path, replacements: list[Replacement], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def full(self: Path, target: str) -> Path:
        if target.endswith("/b"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ManifestError, match="b:1: can't be written: No space left") as failure:
        replace_all(replacements)
    assert failure.value.hint == f"written: {tmp_path}/a; not written: {tmp_path}/b; run it again"
    assert contents(tmp_path) == {"a": "a new\n", "b": "b old\n"}


def test_a_conflict_midway_says_so_too(
    tmp_path: Path, replacements: list[Replacement], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def meddle(self: Path, target: str) -> Path:
        (tmp_path / "b").write_text("theirs, and longer\n", encoding="utf-8")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", meddle)
    with pytest.raises(ConflictError, match="somebody changed it meanwhile") as failure:
        replace_all(replacements)
    assert failure.value.hint == f"written: {tmp_path}/a; not written: {tmp_path}/b"
    assert contents(tmp_path) == {"a": "a new\n", "b": "theirs, and longer\n"}


def test_a_folder_that_takes_no_file_leaves_all_as_they_were(tmp_path: Path) -> None:
    folder = Path("/proc/self")
    if not (folder / "comm").exists():
        pytest.skip("no /proc")
    (tmp_path / "a").write_text("old\n", encoding="utf-8")
    first, second = open_original(str(tmp_path / "a")), open_original(str(folder / "comm"))
    with pytest.raises(ManifestError, match="can't be written"):
        replace_all([Replacement(first, b"new\n"), Replacement(second, b"new\n")])
    assert contents(tmp_path) == {"a": "old\n"}


def test_a_file_that_is_read_only_stays_as_it_is(tmp_path: Path, replacements: list[Replacement]) -> None:
    (tmp_path / "b").chmod(0o444)
    if os.access(tmp_path / "b", os.W_OK):
        pytest.skip("root may write everything")
    with pytest.raises(ManifestError, match="b:1: can't be written: Permission denied"):
        replace_all(replacements)
    assert contents(tmp_path) == {"a": "a old\n", "b": "b old\n"}
