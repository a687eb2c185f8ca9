"""What deciding asks, and the three kinds of answer. A question is a value; `observe` answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from bot.errors import BotError
from bot.images import Digest
from bot.repositories import (
    BranchProtection,
    Commit,
    CommitStatus,
    File,
    Landing,
    MergeRequest,
    Repository,
    Rev,
    Summary,
)

MOST_SUMMARIES = 1000

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, order=True)
class Location:
    """A repository path inside a configured registry, by the registry's name in the configuration."""

    registry: str
    repository: str


@dataclass(frozen=True)
class Found(Generic[T_co]):
    """The question has this answer."""

    value: T_co


@dataclass(frozen=True)
class Absent:
    """It was looked for and is not there."""


@dataclass(frozen=True)
class Unknown:
    """It could not be found out. Never to be read as Absent."""

    error: BotError


Answer: TypeAlias = Found[T_co] | Absent | Unknown


class Question(Generic[T_co]):
    """Something `decide` needs to know; `T_co` is the type of what is Found. Equal questions are the same question.

    A lasting one is about a commit or a digest, which never change; the others are about what somebody may move at any
    time.
    """

    lasting: ClassVar[bool] = False


@dataclass(frozen=True)
class BranchHead(Question[str]):
    """The commit that a branch points to now."""

    repository: Repository
    branch: str


@dataclass(frozen=True)
class Branches(Question[Mapping[str, str]]):
    """The commits that the branches whose names begin so point to now, by the whole name.

    Those that are `passing` have a new name each time, so that no clone is to keep them for long.
    """

    repository: Repository
    prefix: str
    passing: bool = False


@dataclass(frozen=True)
class Files(Question[tuple[File, ...]]):
    """The files of a commit that match any of the patterns (`*` stands for part of one path segment), by path."""

    lasting: ClassVar[bool] = True
    rev: Rev
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Changed(Question[frozenset[str]]):
    """Which of these files a branch holds otherwise now than at a commit; Absent if it no longer has that commit."""

    repository: Repository
    branch: str
    since: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Paths(Question[tuple[str, ...]]):
    """Every path of a commit, of whatever kind of file."""

    lasting: ClassVar[bool] = True
    rev: Rev


@dataclass(frozen=True)
class Commits(Question[tuple[Commit, ...]]):
    """The commits that `head` has and `base` has not, newest first; with the `paths` that each changes, or without."""

    lasting: ClassVar[bool] = True
    repository: Repository
    base: str
    head: str
    paths: bool = False


@dataclass(frozen=True)
class Summaries(Question[tuple[Summary, ...]]):
    """The commits that `head` has and `base` has not, without merges, newest first, at most `limit`; for people."""

    lasting: ClassVar[bool] = True
    repository: Repository
    base: str
    head: str
    limit: int = MOST_SUMMARIES


@dataclass(frozen=True)
class MergeBase(Question[str]):
    """The newest commit that two commits both come from; Absent if they have none."""

    lasting: ClassVar[bool] = True
    repository: Repository
    one: str
    other: str


@dataclass(frozen=True)
class Merged(Question[tuple[File, ...]]):
    """These files as merging `head` into the commit `into` would leave them; Absent where they would conflict."""

    lasting: ClassVar[bool] = True
    repository: Repository
    into: str
    head: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class History(Question[tuple[Commit, ...]]):
    """The commits that led to a file's content at a commit, newest first, at most `limit`."""

    lasting: ClassVar[bool] = True
    rev: Rev
    path: str
    limit: int = 50


@dataclass(frozen=True)
class Landed(Question[tuple[Landing, ...]]):
    """What a branch that is at a commit has had in a file, by its own commits, newest first, at most `limit`."""

    lasting: ClassVar[bool] = True
    rev: Rev
    path: str
    limit: int = 100


@dataclass(frozen=True)
class MergedBy(Question[MergeRequest]):
    """The merge request by which a branch came to a commit; Absent where it was pushed, or the forge doesn't know."""

    lasting: ClassVar[bool] = True
    repository: Repository
    commit: str


@dataclass(frozen=True)
class TagDigest(Question[Digest]):
    """The digest that a tag points to now."""

    location: Location
    tag: str


@dataclass(frozen=True)
class Labels(Question[Mapping[str, str]]):
    """What an image says of itself: the labels of its configuration, and its manifest's annotations."""

    lasting: ClassVar[bool] = True
    location: Location
    digest: Digest


@dataclass(frozen=True)
class Tags(Question[tuple[str, ...]]):
    """Every tag of an image, in the registry's order; Absent where there is no such image."""

    location: Location


@dataclass(frozen=True)
class Holds(Question[Digest]):
    """Whether an image's repository has a digest, under whatever tag."""

    location: Location
    digest: Digest


@dataclass(frozen=True)
class OpenRequests(Question[tuple[MergeRequest, ...]]):
    """Every open merge request of a repository, lowest number first."""

    repository: Repository


@dataclass(frozen=True)
class ClosedRequests(Question[tuple[MergeRequest, ...]]):
    """The merge requests from one source branch that were closed without merging, newest first."""

    repository: Repository
    source_branch: str


@dataclass(frozen=True)
class Approvals(Question[tuple[str, ...]]):
    """Who approves an open merge request as it is, its author never among them; Found(()) where nobody does."""

    repository: Repository
    number: int


@dataclass(frozen=True)
class Status(Question[CommitStatus]):
    """What promobot's own status on a commit says, for a branch that is at it; Absent where there is none."""

    repository: Repository
    commit: str
    branch: str


@dataclass(frozen=True)
class Protection(Question[BranchProtection]):
    """What the forge makes sure of before a branch changes. It is a setting, so that once in a run is enough."""

    lasting: ClassVar[bool] = True
    repository: Repository
    branch: str


@dataclass(frozen=True)
class Members(Question[frozenset[str]]):
    """The users who may approve for a group (on GitHub: a team), as `project` there calls it."""

    lasting: ClassVar[bool] = True
    repository: Repository
    group: str


@dataclass(frozen=True)
class Need:
    """What `decide` has to know before it can go on."""

    questions: Sequence[Question[Any]]
