"""The words of a promotion: what is asked, what is planned, what came of it. Values only, no behaviour.

The flow is decide → observe → plan → apply: `decide` asks Questions, `observe` answers them, `decide` ends
in a Plan of Steps, `apply` turns each Action into an Outcome. See docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from bot.errors import BotError, ExitCode
from bot.images import Digest, ImageRef

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


# --- places ---------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, order=True)
class Location:
    """A repository path inside a configured registry, by the registry's name in the configuration."""

    registry: str
    repository: str


# --- answers --------------------------------------------------------------------------------------------


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


# --- questions ------------------------------------------------------------------------------------------


class Question(Generic[T]):
    """Something `decide` needs to know; `T` is the type of what is Found. Equal questions are the same question.

    A lasting one is about a commit, which never changes; the others are about what somebody may move at any time.
    """

    lasting: ClassVar[bool] = False


@dataclass(frozen=True)
class BranchHead(Question[str]):
    """The commit that a branch points to now."""

    repository: Repository
    branch: str


@dataclass(frozen=True)
class File:
    """A file of a commit: path, Git mode (such as `100644`; `120000` is a symbolic link) and bytes."""

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class Files(Question[tuple[File, ...]]):
    """The files of a commit that match any of the patterns (`*` stands for part of one path segment), by path."""

    lasting: ClassVar[bool] = True
    rev: Rev
    patterns: tuple[str, ...]


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


@dataclass(frozen=True)
class Commits(Question[tuple[Commit, ...]]):
    """The commits that `head` has and `base` has not, newest first."""

    lasting: ClassVar[bool] = True
    repository: Repository
    base: str
    head: str


@dataclass(frozen=True)
class History(Question[tuple[Commit, ...]]):
    """The commits that led to a file's content at a commit, newest first, at most `limit`."""

    lasting: ClassVar[bool] = True
    rev: Rev
    path: str
    limit: int = 50


@dataclass(frozen=True)
class TagDigest(Question[Digest]):
    """The digest that a tag points to now."""

    location: Location
    tag: str


class RequestState(Enum):
    """Where a merge request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True)
class MergeRequest:
    """A merge request as every forge has it.

    `head` is the source branch's commit, `ended_by` who merged or closed it, and `reason` what was said then.
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


@dataclass(frozen=True)
class OpenRequests(Question[tuple[MergeRequest, ...]]):
    """Every open merge request of a repository, lowest number first."""

    repository: Repository


@dataclass(frozen=True)
class ClosedRequests(Question[tuple[MergeRequest, ...]]):
    """The merge requests from one source branch that were closed without merging, newest first."""

    repository: Repository
    source_branch: str


# --- the promotion --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FromEnvironment:
    """The image is what an environment runs; `commit` is the one that last changed its manifest there."""

    environment: str
    commit: str
    image: ImageRef


Origin: TypeAlias = FromEnvironment


class Proof(Enum):
    """How the digest of the source image is known."""

    MANIFEST = "named by the manifest"
    RECORD = "recorded when it was promoted there"
    REGISTRY = "resolved from the registry once, when it was proposed"


@dataclass(frozen=True)
class Move:
    """One image of one service on its way: from where, by which digest, and what the target's manifest will say."""

    service: str
    path: str
    pointer: str
    line: int
    origin: Origin
    source: Location
    digest: Digest
    proof: Proof
    destination: Location
    tag: str
    before: ImageRef
    after: ImageRef


@dataclass(frozen=True)
class Unit:
    """What one merge request promotes: a service, or several that go together."""

    name: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class Promotion:
    """One unit into one environment. `fingerprint` names it by its digests and edits alone: no clock, no prose."""

    unit: Unit
    target: str
    moves: tuple[Move, ...]
    fingerprint: str


# --- the plan -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileChange:
    """The whole new content of one file."""

    path: str
    content: bytes


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
    """Copy exactly `digest`, all platforms, to `tag` at the destination, where the tag was seen absent."""

    source: Location
    digest: Digest
    destination: Location
    tag: str


@dataclass(frozen=True)
class RequestDraft:
    """What a merge request of ours says."""

    source_branch: str
    target_branch: str
    title: str
    body: str
    reviewers: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class OpenRequest:
    """Open a merge request, or adopt the one that is already open between the two branches."""

    repository: Repository
    draft: RequestDraft


@dataclass(frozen=True)
class UpdateRequest:
    """Give an open merge request of ours its new title and body."""

    repository: Repository
    number: int
    title: str
    body: str


@dataclass(frozen=True)
class CloseRequest:
    """Close a merge request of ours that is no longer due."""

    repository: Repository
    number: int
    reason: str


Action: TypeAlias = PushBranch | DeleteBranch | CopyImage | OpenRequest | UpdateRequest | CloseRequest


@dataclass(frozen=True)
class Guard:
    """A question to ask again right before acting; another answer than this makes the step Stale."""

    question: Question[Any]
    answer: Found[Any] | Absent


@dataclass(frozen=True)
class Step:
    """Actions in their order for one unit and target; the first that does not succeed ends the step.

    `head` is where `branch` was seen (None: absent); what is said about a merge request is said of that commit, or
    of the one that the step pushes.
    """

    unit: Unit
    target: str
    repository: Repository
    branch: str
    head: str | None
    guards: tuple[Guard, ...]
    actions: tuple[Action, ...]
    promotion: Promotion | None = None
    diff: str = ""


class Standing(Enum):
    """How a unit stands towards a target environment."""

    CURRENT = "current"
    PROPOSED = "proposed"
    DUE = "due"
    BLOCKED = "blocked"
    OUTSIDE = "outside"  # nothing of it is promoted there: no manifest in the target, or no image of ours


@dataclass(frozen=True)
class Blocked:
    """A refusal as an answer: the reason, what to do, and the exit code of its kind."""

    reason: str
    remedy: str
    code: ExitCode = ExitCode.BLOCKED


@dataclass(frozen=True)
class Verdict:
    """What was decided for one unit and target: `step` where something is due, `blocked` says why not."""

    unit: Unit
    target: str
    standing: Standing
    promotion: Promotion | None = None
    step: Step | None = None
    blocked: Blocked | None = None
    request: MergeRequest | None = None


@dataclass(frozen=True)
class Deployed:
    """An image that an environment's manifest names, and where; `problem` says why it can't be read or edited.

    `image` is None where it can't be read. `ours`: it comes from the environment's registry, so promobot moves it.
    `code` is of the kind of failure where nothing could be read of a whole file or environment.
    """

    environment: str
    service: str
    rev: Rev
    path: str
    line: int
    pointer: str
    image: ImageRef | None
    ours: bool
    problem: str = ""
    code: ExitCode = ExitCode.DONE


@dataclass(frozen=True)
class Plan:
    """Everything decided in one pass, by target environment and unit in the configuration's order."""

    verdicts: tuple[Verdict, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """What `apply` would do."""
        return tuple(verdict.step for verdict in self.verdicts if verdict.step is not None)


@dataclass(frozen=True)
class Need:
    """What `decide` has to know before it can go on."""

    questions: Sequence[Question[Any]]


# --- outcomes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """The action changed the world; `detail` is for people (a commit, a digest, a merge request's URL)."""

    action: Action
    detail: str = ""


@dataclass(frozen=True)
class AlreadyDone:
    """The world was already as the action wants it; nothing was written."""

    action: Action
    detail: str = ""


@dataclass(frozen=True)
class Stale:
    """The world moved since it was observed: forget those answers and decide again."""

    step: Step
    reason: str


@dataclass(frozen=True)
class Refused:
    """The action would have broken a promise and was not carried out."""

    action: Action
    reason: str
    code: ExitCode


@dataclass(frozen=True)
class Failed:
    """The action failed; running again goes on from here."""

    action: Action
    error: BotError


Outcome: TypeAlias = Done | AlreadyDone | Stale | Refused | Failed
