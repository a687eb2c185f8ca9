"""What a forge holds, as values: repositories, commits, files and merge requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, order=True)
class Repository:
    """A Git repository on a configured forge: the forge's name and the project's path there."""

    forge: str
    project: str

    def __str__(self) -> str:
        return f"{self.forge}:{self.project}"


@dataclass(frozen=True, order=True)
class Rev:
    """A commit of a repository. Facts are about a commit, never about "the branch"."""

    repository: Repository
    commit: str


@dataclass(frozen=True)
class File:
    """A file of a commit: path, Git mode (such as `100644`; `120000` is a symbolic link) and bytes."""

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class Commit:
    """A commit with what recognises it as ours: its addresses and its trailers in their order.

    Who amends or rebases a commit becomes its committer; its author stays.
    """

    sha: str
    author_email: str
    committer_email: str
    trailers: tuple[tuple[str, str], ...]

    def trailer(self, key: str) -> tuple[str, ...]:
        """Every value of the trailer `key`."""
        return tuple(value for name, value in self.trailers if name == key)


class RequestState(Enum):
    """Where a merge request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True)
class MergeRequest:
    """A merge request as every forge has it.

    `head` is the source branch's commit, `ended_by` who merged or closed it, and `reason` what was said then. A `draft`
    is not merged before a person says that it is ready.
    """

    number: int
    title: str
    body: str
    source_branch: str
    target_branch: str
    head: str
    state: RequestState
    url: str
    author: str
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    ended_by: str = ""
    reason: str = ""
    draft: bool = False


@dataclass(frozen=True)
class FileChange:
    """The whole new content of one file."""

    path: str
    content: bytes


@dataclass(frozen=True)
class RequestDraft:
    """What a merge request of ours says; as a `draft`, a person has to finish it and call it ready."""

    source_branch: str
    target_branch: str
    title: str
    body: str
    reviewers: tuple[str, ...]
    labels: tuple[str, ...]
    draft: bool = False
