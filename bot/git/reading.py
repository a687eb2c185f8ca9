"""Git's answers as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.git.command import GitDirectory
from bot.globs import within_segments
from bot.manifests.source import MAX_BYTES
from bot.repositories import Commit, Summary

# Both ends of a record are certain: a commit cannot hold NUL, and an unfolded trailer is one line.
_FORMAT = "%H%x00%P%x00%ae%x00%ce%x00%(trailers:only,unfold)"
_FIELDS = 5
# Against the first parent, of merges too; trees tell it, so that a clone without contents will do.
_PATHS = ("--name-only", "--no-renames", "--diff-merges=first-parent")

# A subject may be as long as somebody likes.
_LONGEST_SUBJECT = 200
# One for all, so that any number of files of any size takes no memory.
UNREAD = bytes(MAX_BYTES + 1)


@dataclass(frozen=True)
class Entry:
    """A file of a tree: Git mode, object id and path."""

    mode: str
    oid: str
    path: str


def tree(git: GitDirectory, commit: str) -> tuple[Entry, ...]:
    """Every file and symbolic link of a commit, by path; submodules are none."""
    listing = git.run("ls-tree", "-r", "-z", "--full-tree", commit).stdout
    return tuple(_entries(listing))


def _entries(listing: bytes) -> Iterable[Entry]:
    for line in listing.split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, kind, oid = about.decode().split(" ")
        if kind == "blob":
            yield Entry(mode, oid, path.decode("utf-8", "surrogateescape"))


def changed(git: GitDirectory, base: str, head: str, paths: Sequence[str]) -> frozenset[str] | None:
    """Which of these paths two commits have otherwise; None where `base` did not lead to `head`."""
    if git.run("merge-base", "--is-ancestor", base, head, statuses=(0, 1)).returncode:
        return None
    options = ("-r", "-z", "--name-only", "--no-renames")
    output = git.run("diff-tree", *options, base, head, "--", *paths).stdout if paths else b""
    return frozenset(name.decode("utf-8", "surrogateescape") for name in output.split(b"\0")[:-1])


def objects(git: GitDirectory, oids: Iterable[str]) -> dict[str, bytes]:
    """The content of those objects that are here; UNREAD for what is too large to be read."""
    sizes = _sizes(git, oids)
    wanted = "".join(f"{oid}\n" for oid, size in sizes.items() if size < len(UNREAD))
    contents = dict(_objects(git.run("cat-file", "--batch", stdin=wanted.encode()).stdout)) if wanted else {}
    return {oid: contents.get(oid, UNREAD) for oid in sizes}


def _sizes(git: GitDirectory, oids: Iterable[str]) -> dict[str, int]:
    """The size of each of the objects that are here."""
    wanted = "".join(f"{oid}\n" for oid in dict.fromkeys(oids))
    answer = git.run("cat-file", "--batch-check", stdin=wanted.encode()).stdout.decode() if wanted else ""
    lines = (line.split(" ") for line in answer.splitlines())
    return {words[0]: int(words[2]) for words in lines if words[1] != "missing"}


def _objects(output: bytes) -> Iterable[tuple[str, bytes]]:
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        words = output[start:end].decode().split(" ")
        start = end + 1
        if words[1] != "missing":
            size = int(words[2])
            yield words[0], output[start : start + size]
            start += size + 1


def missing(git: GitDirectory, oids: Iterable[str]) -> list[str]:
    """Those of the objects that are not here."""
    wanted = "".join(f"{oid}\n" for oid in dict.fromkeys(oids))
    answer = git.run("cat-file", "--batch-check", stdin=wanted.encode()).stdout.decode()
    return [line.split(" ")[0] for line in answer.splitlines() if line.endswith(" missing")]


def details(git: GitDirectory, shas: Iterable[str]) -> tuple[Commit, ...]:
    """These commits."""
    wanted = "".join(f"{sha}\n" for sha in shas).encode()
    return tuple(_log(git, "--no-walk=unsorted", stdin=wanted)) if wanted else ()


def commits(git: GitDirectory, base: str, heads: Iterable[str], *, paths: bool) -> dict[str, tuple[Commit, ...]]:
    """The commits that each head has and `base` has not, no commit before its children: one walk for all of them."""
    wanted = dict.fromkeys(heads)
    stdin = "\n".join((f"^{base}", *wanted, ""))
    found = tuple(_log(git, *(_PATHS if paths else ()), stdin=stdin.encode()))
    return {head: tuple(_led_to(head, found)) for head in wanted}


def _led_to(head: str, found: Iterable[Commit]) -> Iterator[Commit]:
    reached = {head}
    for commit in found:
        if commit.sha in reached:
            reached.update(commit.parents)
            yield commit


def _log(git: GitDirectory, *args: str, stdin: bytes) -> Iterator[Commit]:
    """An empty field begins a record: those of the commit, then its paths, none of which is empty."""
    output = git.run("log", "-z", "--date-order", *args, f"--format=%x00{_FORMAT}", "--stdin", stdin=stdin).stdout
    fields, start = output.split(b"\0")[:-1], 0
    while start < len(fields):
        first = start + 1 + _FIELDS
        sha, parents, author, committer, trailers = (
            field.decode("utf-8", "replace") for field in fields[start + 1 : first]
        )
        start = next((index for index in range(first, len(fields)) if not fields[index]), len(fields))
        # The first one is on a line of its own.
        names = b"\0".join(fields[first:start]).removeprefix(b"\n").decode("utf-8", "surrogateescape")
        paths = tuple(names.split("\0")) if names else ()
        yield Commit(sha, author, committer, _trailers(trailers), paths, tuple(parents.split()))


def summaries(git: GitDirectory, base: str, head: str, limit: int) -> tuple[Summary, ...]:
    """The commits that `head` has and `base` has not, without merges, newest first."""
    options = ("-z", "--no-merges", f"--max-count={limit}", "--format=%H%x00%s")
    output = git.run("log", *options, f"{base}..{head}").stdout
    fields = output.decode("utf-8", "replace").split("\0")[:-1]
    records = zip(fields[0::2], fields[1::2], strict=True)
    return tuple(Summary(sha, subject[:_LONGEST_SUBJECT]) for sha, subject in records)


def _trailers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (line.partition(": ") for line in text.split("\n") if line)
    return tuple((key, value) for key, _, value in pairs)


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path fits any of the patterns; `*` stands for part of one path segment, all else for itself."""
    choices = map(within_segments, patterns)
    whole = re.compile("|".join(f"(?:{choice})" for choice in choices), re.DOTALL)
    return lambda path: bool(patterns) and whole.fullmatch(path) is not None
