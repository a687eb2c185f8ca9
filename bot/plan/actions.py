"""What can be done in the world, one class for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.images import Digest
from bot.questions import Location
from bot.repositories import CommitStatus, FileChange, Repository, RequestDraft


@dataclass(frozen=True)
class PushBranch:
    """Put one commit on top of `base` and point `branch` at it, if it still points to `expected` (None: is absent)."""

    repository: Repository
    branch: str
    base: str
    expected: str | None
    files: tuple[FileChange, ...]
    message: str


@dataclass(frozen=True)
class DeleteBranch:
    """Delete `branch`, provided it still points to `expected`."""

    repository: Repository
    branch: str
    expected: str


@dataclass(frozen=True)
class CopyImage:
    """Copy exactly `digest`, all platforms, to `tag` at the destination, where the tag was seen absent.

    Without a tag the destination has it by its digest alone.
    """

    source: Location
    digest: Digest
    destination: Location
    tag: str | None


@dataclass(frozen=True)
class MoveTag:
    """Make a tag lead to `digest`, which its repository has, instead of to `expected` (None: it was seen absent)."""

    location: Location
    tag: str
    expected: Digest | None
    digest: Digest


@dataclass(frozen=True)
class OpenRequest:
    """Open a merge request, or adopt the one that is already open between the two branches.

    `status` is what promobot's own says of its head by then, for a forge where opening begins a pipeline without it.
    """

    repository: Repository
    draft: RequestDraft
    status: CommitStatus | None = None


@dataclass(frozen=True)
class UpdateRequest:
    """Give an open merge request of ours its new title and body, where it says what was `seen`."""

    repository: Repository
    number: int
    title: str
    body: str
    seen: tuple[str, str] | None = None


@dataclass(frozen=True)
class SetNote:
    """Let the one note of ours on an open merge request say this."""

    repository: Repository
    number: int
    text: str


@dataclass(frozen=True)
class CloseRequest:
    """Close a merge request of ours that is no longer due; `link` leads to what replaces it, where something does."""

    repository: Repository
    number: int
    reason: str
    link: str = ""


@dataclass(frozen=True)
class Merge:
    """Merge a merge request of ours at `head` and no other commit, `into` this branch and no other.

    Or let the forge do so as soon as it may.
    """

    repository: Repository
    number: int
    head: str
    into: str


@dataclass(frozen=True)
class HoldMerge:
    """Let the forge no longer merge a merge request by itself."""

    repository: Repository
    number: int


@dataclass(frozen=True)
class SetStatus:
    """Let promobot's own status say this of a commit; None: of the one that the step's branch is at by then.

    `branch` is where the commit is. `new` is one of which nothing is said yet, as the step pushes it; `request` is the
    open merge request that it was pushed to, whose pipeline may take a moment to begin; `queued` the one for which a
    merge queue has made the commit.
    """

    repository: Repository
    commit: str | None
    branch: str
    status: CommitStatus
    new: bool = False
    request: int | None = None
    queued: int | None = None


Action: TypeAlias = (
    PushBranch
    | DeleteBranch
    | CopyImage
    | MoveTag
    | OpenRequest
    | UpdateRequest
    | SetNote
    | CloseRequest
    | Merge
    | HoldMerge
    | SetStatus
)
AboutRequest: TypeAlias = OpenRequest | UpdateRequest | SetNote | CloseRequest | Merge | HoldMerge
