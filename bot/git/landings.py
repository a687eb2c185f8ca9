"""What a branch has had in each of many files, by its own commits: one walk for all of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TypeAlias

from bot.git.changes import Changes
from bot.git.command import GitDirectory
from bot.git.histories import steps

# The file's new mode and object at each commit, by the commit and the path.
_Blobs: TypeAlias = Mapping[tuple[str, bytes], tuple[str, str]]

# For each line `<commit> <parent>` that it reads: the commit, then `:<modes and objects>`, `<path>` for each file.
_DIFFERENCES = ("diff-tree", "--stdin", "--always", "--root", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")
_FILES = frozenset({"100644", "100755"})
# Anybody may write a commit of the year 100000, which no datetime holds, or of no time at all.
_LAST_SECOND = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
_SECONDS = re.compile(r"[0-9]{1,20}")


def landings(
    git: GitDirectory, commit: str, paths: Iterable[str], limit: int
) -> dict[str, list[tuple[str, datetime, str | None]]]:
    """The first-parent commits that changed each file, newest first: commit, committer's time, and its blob.

    The blob is None where it is no file. Nothing but trees is looked at, so that a clone without contents will do.
    """
    wanted = {path.encode("utf-8", "surrogateescape"): path for path in paths}
    found: dict[bytes, list[str]] = {path: [] for path in wanted}
    parents: dict[str, str] = {}
    open_ones = set(wanted)
    with closing(Changes(git)) as changes:
        for step in steps(git, changes, commit, wanted, first_parent=True):
            if not open_ones:
                break
            for path in step.changed[step.parents[0]] & open_ones:
                found[path].append(step.sha)
                parents[step.sha] = step.parents[0]
            open_ones = {path for path in open_ones if len(found[path]) < limit}
    blobs, times = _blobs(git, parents, wanted), _times(git, parents)
    return {
        wanted[path]: [(sha, times[sha], _file(blobs, sha, path)) for sha in commits] for path, commits in found.items()
    }


def _file(blobs: _Blobs, sha: str, path: bytes) -> str | None:
    mode, oid = blobs.get((sha, path), ("", ""))
    return oid if mode in _FILES else None


def _blobs(git: GitDirectory, parents: Mapping[str, str], wanted: Collection[bytes]) -> _Blobs:
    lines = "".join(f"{sha} {parent}".rstrip() + "\n" for sha, parent in parents.items())
    return dict(_read(git.run(*_DIFFERENCES, stdin=lines.encode()).stdout, wanted)) if lines else {}


def _read(output: bytes, wanted: Collection[bytes]) -> Iterator[tuple[tuple[str, bytes], tuple[str, str]]]:
    sha, words = "", iter(output.split(b"\0")[:-1])
    for word in words:
        if not word.startswith(b":"):
            sha = word.decode()
            continue
        path = next(words)
        if path in wanted:
            _, mode, _, oid, _ = word.decode().split(" ")
            yield (sha, path), (mode, oid)


def _times(git: GitDirectory, shas: Collection[str]) -> dict[str, datetime]:
    stdin = "".join(f"{sha}\n" for sha in shas).encode()
    if not stdin:
        return {}
    lines = git.run("log", "--no-walk=unsorted", "--stdin", "--format=%H %ct", stdin=stdin).stdout.decode().splitlines()
    pairs = (line.split(" ") for line in lines)
    return {sha: datetime.fromtimestamp(_second(text), UTC) for sha, text in pairs}


def _second(text: str) -> int:
    """What can't be read is as young as can be: nobody counts on it."""
    return min(int(text), _LAST_SECOND) if _SECONDS.fullmatch(text) else _LAST_SECOND
