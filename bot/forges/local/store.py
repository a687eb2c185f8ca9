"""Merge requests in the refs of a bare repository: read all at once, changed only by compare-and-set."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ForgeError
from bot.forges.local.record import Record, load, load_status
from bot.git.command import GitDirectory
from bot.git.reading import objects
from bot.repositories import CommitStatus

_REQUESTS = "refs/promobot/merge-requests/"
_OPEN = "refs/promobot/open/"
_STATUSES = "refs/promobot/statuses/"
_BRANCHES = "refs/heads/"
_FORMAT = "--format=%(objectname) %(HEAD)%(refname)"

# Git holds a ref's lock for milliseconds; one as old as this was left by a git that was killed.
_STALE_AFTER = 10.0
# How git says that a ref isn't at its old value, or that somebody else is changing it just now (refs/files-backend.c).
_CONTENDED = re.compile(r"cannot lock ref|Unable to create '.*\.lock'|unable to lock|reference already exists")


@dataclass(frozen=True)
class Change:
    """One ref of a transaction: from `old` to `new`, of which one may be None for absent."""

    ref: str
    old: str | None
    new: str | None

    def command(self) -> bytes:
        """The instruction for `git update-ref --stdin -z`."""
        if self.old is None:
            words = ("create", self.new)
        elif self.new is None:
            words = ("delete", self.old)
        else:
            words = ("update", f"{self.new}\0{self.old}")
        verb, values = words
        return f"{verb} {self.ref}\0{values}\0".encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Stored:
    """A merge request and the object that holds it."""

    oid: str
    record: Record


@dataclass(frozen=True)
class StoredStatus:
    """What is said of a commit, and the object that holds it."""

    oid: str
    status: CommitStatus


@dataclass(frozen=True)
class Snapshot:
    """A project at one time: branches by name, merge requests by number, statuses by commit.

    `claims` are the refs that claim pairs of branches.
    """

    branches: Mapping[str, str]
    default_branch: str
    requests: Mapping[int, Stored]
    claims: Mapping[str, str]
    statuses: Mapping[str, StoredStatus]


def request_ref(number: int) -> str:
    """The ref that holds a merge request."""
    return f"{_REQUESTS}{number}"


def claim_ref(pair: tuple[str, str]) -> str:
    """The ref that exists while a merge request is open between these branches, so that a second cannot be."""
    return f"{_OPEN}{hashlib.sha256(chr(0).join(pair).encode('utf-8', 'surrogateescape')).hexdigest()}"


def status_ref(commit: str) -> str:
    """The ref that holds what is said of a commit."""
    return f"{_STATUSES}{commit}"


def read(git: GitDirectory, numbers: Collection[int] | None = None) -> Snapshot:
    """The project now, with these merge requests (None: all). Two processes, however many merge requests there are."""
    listing = git.run("for-each-ref", _FORMAT, _BRANCHES, "refs/promobot").stdout.decode("utf-8", "surrogateescape")
    lines = [line.split(" ", 1) for line in listing.split("\n")[:-1]]
    refs = {ref[1:]: oid for oid, ref in lines}
    wanted = {
        int(ref.removeprefix(_REQUESTS)): oid
        for ref, oid in refs.items()
        if ref.startswith(_REQUESTS) and ref.removeprefix(_REQUESTS).isdecimal()
    }
    if numbers is not None:
        wanted = {number: oid for number, oid in wanted.items() if number in numbers}
    said = {ref.removeprefix(_STATUSES): oid for ref, oid in refs.items() if ref.startswith(_STATUSES)}
    contents = objects(git, [*wanted.values(), *said.values()])
    return Snapshot(
        branches={ref.removeprefix(_BRANCHES): oid for ref, oid in refs.items() if ref.startswith(_BRANCHES)},
        default_branch=next((ref.removeprefix(f"*{_BRANCHES}") for _, ref in lines if ref.startswith("*")), ""),
        requests={
            number: Stored(oid, load(contents.get(oid, b""), request_ref(number)))
            for number, oid in sorted(wanted.items())
        },
        claims={ref: oid for ref, oid in refs.items() if ref.startswith(_OPEN)},
        statuses={
            commit: StoredStatus(oid, load_status(contents.get(oid, b""), status_ref(commit)))
            for commit, oid in said.items()
        },
    )


def put(git: GitDirectory, content: bytes) -> str:
    """Store an object that no ref needs yet, and return its id."""
    return git.run("hash-object", "-w", "--stdin", stdin=content).stdout.decode().strip()


def transact(git: GitDirectory, changes: Sequence[Change]) -> str | None:
    """Change all of these refs or none. Returns what was in the way if a ref isn't at its old value (any more)."""
    done = git.run(
        "update-ref", "--stdin", "-z", stdin=b"".join(change.command() for change in changes), statuses=range(256)
    )
    if done.returncode == 0:
        return None
    if not _CONTENDED.search(done.stderr):
        raise ForgeError(f"cannot change {git.path}: {done.stderr.strip()}", hint="check the folder's owner and space")
    remove_stale_locks(git.path)
    return done.stderr.strip()


def remove_stale_locks(directory: Path) -> None:
    """Remove the lock files of a git that was killed. People push here too, so age alone tells which those are."""
    folders = os.walk(directory / "refs")
    found = (Path(folder, name) for folder, _, names in folders for name in names if name.endswith(".lock"))
    for lock in (directory / "HEAD.lock", directory / "packed-refs.lock", *found):
        with suppress(FileNotFoundError):
            if time.time() - lock.stat().st_mtime > _STALE_AFTER:
                lock.unlink()
