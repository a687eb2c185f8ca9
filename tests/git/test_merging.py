"""What merging would make of files, without a merge."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.git import Clone
from bot.repositories import File
from tests.git.origin import Origin, git

LINES = b"".join(b"line %d\n" % number for number in range(9))
CASES: Mapping[str, tuple[Mapping[str, bytes | None], Mapping[str, bytes | None], bytes | None]] = {
    "far apart": (
        {"a": LINES.replace(b"line 8", b"theirs")},
        {"a": LINES.replace(b"line 1", b"ours")},
        LINES.replace(b"line 8", b"theirs").replace(b"line 1", b"ours"),
    ),
    "the same": ({"a": b"new\n"}, {"a": b"new\n"}, b"new\n"),
    "there alone": ({"a": b"new\n"}, {"b": b"new\n"}, b"new\n"),
    "on the branch alone": ({"b": b"new\n"}, {"a": b"new\n"}, b"new\n"),
    "one line": ({"a": LINES.replace(b"line 4", b"x")}, {"a": LINES.replace(b"line 4", b"y")}, None),
    "beside it": ({"a": LINES.replace(b"line 4", b"x")}, {"a": LINES.replace(b"line 5", b"y")}, None),
    "gone": ({"a": None}, {"a": LINES.replace(b"line 4", b"y")}, None),
    "no text": ({"a": b"\0x"}, {"a": b"\0y"}, None),
}


def change(origin: Origin, files: Mapping[str, bytes | None], branch: str) -> str:
    """A commit that changes files of a branch, or deletes them."""
    origin.switch(branch)
    origin.write({path: content for path, content in files.items() if content is not None})
    for path in (path for path, content in files.items() if content is None):
        (origin.work / path).unlink()
    return origin.record(branch=branch)


@pytest.mark.parametrize(("there", "branch", "wanted"), CASES.values(), ids=CASES)
def test_what_is_merged_is_what_git_makes_of_it(
    origin: Origin,
    clone: Clone,
    there: Mapping[str, bytes | None],
    branch: Mapping[str, bytes | None],
    wanted: bytes | None,
) -> None:
    base = origin.commit({"a": LINES, "b": b"old\n"})
    git(origin.work, "branch", "work/side", base)
    into, head = (change(origin, files, name) for files, name in ((there, "main"), (branch, "side")))
    merged = clone.merged(into, head, ["a"])
    assert merged == (None if wanted is None else (File("a", "100644", wanted),))


def test_what_has_nothing_in_common_conflicts(origin: Origin, clone: Clone) -> None:
    one = origin.commit({"a": b"1\n"})
    other = git(origin.bare, "commit-tree", f"{one}^{{tree}}", "-m", "apart")
    git(origin.bare, "branch", "apart", other)
    assert clone.merged(one, other, ["a"]) is None
