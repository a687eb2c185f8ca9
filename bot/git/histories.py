"""Which commits led to the content of each of many files: one walk for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from bot.git import reading
from bot.git.changes import Changes
from bot.git.command import GitDirectory
from bot.repositories import Commit

# How many commits are compared at first, and at most, by one process; and how much it should say, in bytes.
_FEWEST, _MOST, _ANSWER = 256, 8192, 4 << 20


def histories(git: GitDirectory, commit: str, paths: Iterable[str], limit: int) -> dict[str, tuple[Commit, ...]]:
    """What `git log --max-count=<limit> <commit> -- <path>` finds, for each of these paths.

    No commit comes before its children. What is compared is bounded in memory; the graph, of some 200 bytes for each
    commit, is not. The walk ends where nothing more can be found.
    """
    wanted = {path.encode("utf-8", "surrogateescape"): path for path in paths}
    walk = _Walk(commit, wanted, limit)
    with closing(Changes(git)) as changes:
        for step in steps(git, changes, commit, wanted):
            walk.visit(step)
            if walk.is_over:
                break
    commits = {one.sha: one for one in reading.details(git, {sha for found in walk.found.values() for sha in found})}
    return {path: tuple(commits[sha] for sha in walk.found[name]) for name, path in wanted.items()}


@dataclass(frozen=True)
class Step:
    """A commit and which of the wanted paths differ from each parent; a first commit has the parent ""."""

    sha: str
    parents: Sequence[str]
    changed: dict[str, set[bytes]]


class _Walk:
    """Goes from children to parents, for each path the way that `git log` simplifies history to.

    A merge that has the path as a parent has it took it from there: the path goes on to the first such parent alone.
    Where it differs from all of them the merge is found, and the path goes on to each.
    """

    def __init__(self, start: str, paths: Collection[bytes], limit: int) -> None:
        self.found: dict[bytes, list[str]] = {path: [] for path in paths}
        self._incomplete = len(self.found)
        self._limit = limit
        # The paths on their way to a commit. Each set is that of one commit, so it can be handed on as it is.
        self._coming = {start: set(paths)}

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be found."""
        return not self._incomplete or not self._coming

    def visit(self, step: Step) -> None:
        """Go on by a commit, all of whose children were visited before."""
        here = self._coming.pop(step.sha, None)
        if not here:
            return
        first, others = step.parents[0], step.parents[1:]
        for path in step.changed[first] & here:
            same = next((parent for parent in others if path not in step.changed[parent]), None)
            if same is None:
                self._find(step.sha, path)
            else:
                here.discard(path)
            for parent in others if same is None else (same,):
                self._hand_on(parent, {path})
        if first:
            self._hand_on(first, here)

    def _find(self, sha: str, path: bytes) -> None:
        found = self.found[path]
        if len(found) < self._limit:
            found.append(sha)
            self._incomplete -= len(found) == self._limit

    def _hand_on(self, parent: str, paths: set[bytes]) -> None:
        """With the larger of two sets kept, what merges cost is what they change, however many paths there are."""
        there = self._coming.get(parent, set())
        larger, smaller = (there, paths) if len(there) > len(paths) else (paths, there)
        larger |= smaller
        self._coming[parent] = larger


def steps(
    git: GitDirectory, changes: Changes, commit: str, wanted: Collection[bytes], *, first_parent: bool = False
) -> Iterator[Step]:
    """Every commit with what it changes, no commit before its children; or those of the branch itself. In batches."""
    way = "--first-parent" if first_parent else "--date-order"
    lines = git.run("rev-list", way, "--parents", commit).stdout.decode().splitlines()
    at, size = 0, _FEWEST
    while at < len(lines):
        split = (line.split(" ") for line in lines[at : at + size])
        batch = [(sha, parents[: 1 if first_parent else None] or [""]) for sha, *parents in split]
        answers = changes.of([(sha, parent) for sha, parents in batch for parent in parents])
        differences = iter(answers)
        for sha, parents in batch:
            yield Step(sha, parents, {parent: set(_among(wanted, next(differences))) for parent in parents})
        at += size
        size = max(1, min(_MOST, 2 * size, size * _ANSWER // (1 + sum(map(len, answers)))))


def _among(wanted: Collection[bytes], paths: bytes) -> Iterator[bytes]:
    """The paths that are wanted, and what they are in: a file may once have been a folder."""
    for changed in paths.split(b"\0"):
        path = changed
        while path:
            if path in wanted:
                yield path
            path = path.rpartition(b"/")[0]
