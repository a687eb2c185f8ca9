"""A push that only succeeds if the branch still is where it was seen: the one compare-and-set every forge offers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.process import Completed


@dataclass(frozen=True)
class Pushed:
    """The branch is where it should be; `changed` is false if it was there before."""

    changed: bool


@dataclass(frozen=True)
class LeaseLost:
    """Somebody else moved, made or deleted the branch since it was seen; nothing was written."""

    reason: str


# What git and servers say to an update whose old value no longer holds (send-pack.c, refs/files-backend.c, Gitaly).
_STALE = re.compile(
    r"stale info|cannot lock ref|failed to update ref|incorrect old value provided|reference already exists"
    r"|fetch first|non-fast-forward"
)
# The same words, but no run could ever succeed: a branch `a` and a branch `a/b` exclude each other.
_IMPOSSIBLE = re.compile(r"exists; cannot create|there are still refs under|refname conflict", re.IGNORECASE)
_LACKS_OBJECTS = re.compile(r"unable to read|[Cc]ould not read|bad object|missing (blob|tree|commit)|unpacker error")


def arguments(ref: str, commit: str | None, expected: str | None) -> tuple[str, ...]:
    """The git command. An empty lease means that the branch must not exist, an empty source deletes it."""
    lease = f"--force-with-lease={ref}:{expected or ''}"
    return ("push", "--porcelain", "--no-verify", lease, "origin", f"{commit or ''}:{ref}")


def changed(done: Completed) -> bool:
    """Whether a successful push changed the branch."""
    return not any(line.startswith("=") for line in done.stdout.decode("utf-8", "replace").splitlines())


def lost_the_lease(said: str) -> bool:
    """Whether a push was refused because the branch was not at its expected commit."""
    return bool(_STALE.search(said)) and not _IMPOSSIBLE.search(said)


def lacks_objects(said: str) -> bool:
    """Whether a push failed because git wanted to send content that a blob-less clone does not have.

    It wants to when the server has moved on to commits that this clone has not seen: then git cannot tell that
    the server has our commit's base.
    """
    return bool(_LACKS_OBJECTS.search(said))
