"""What is decided, what will be done about it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from bot.errors import BotError, ExitCode
from bot.images import Digest
from bot.promotion import Promotion, Unit
from bot.questions import Absent, Found, Location, Question
from bot.repositories import CommitStatus, FileChange, MergeRequest, Repository, RequestDraft


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
    """Open a merge request, or adopt the one that is already open between the two branches."""

    repository: Repository
    draft: RequestDraft


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
    """Merge a merge request of ours at `head` and no other commit, or let the forge do so as soon as it may."""

    repository: Repository
    number: int
    head: str


@dataclass(frozen=True)
class HoldMerge:
    """Let the forge no longer merge a merge request by itself."""

    repository: Repository
    number: int


@dataclass(frozen=True)
class SetStatus:
    """Let promobot's own status say this of a commit; None: of the one that the step's branch is at by then.

    `branch` is where the commit is.
    """

    repository: Repository
    commit: str | None
    branch: str
    status: CommitStatus


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


@dataclass(frozen=True)
class Guard:
    """A question to ask again right before acting; another answer than this makes the step Stale."""

    question: Question[Any]
    answer: Found[Any] | Absent


@dataclass(frozen=True)
class Step:
    """Actions in their order for one unit and target; the first that does not succeed ends the step.

    No two steps of a plan have the same unit, target and branch.

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

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the plan's other steps, and finds it again in another plan."""
        return self.target, self.unit.name, self.branch


@dataclass(frozen=True)
class Check:
    """A gate that was judged: what it is called, what was found, and whether it lets the promotion through."""

    name: str
    detail: str
    passed: bool = True


class Standing(Enum):
    """How a unit stands towards a target environment."""

    CURRENT = "current"
    PROPOSED = "proposed"
    DUE = "due"  # an image is to be brought, or to be proposed
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
    """What was decided for one unit and target: `step` is what a pass would do, `blocked` says why it would not.

    What is current or proposed has a step as well where something is to be tidied up: a merge request of ours that is
    no longer due, a branch that is left over, a note on what people did, a merge.
    `request` is the open merge request, also of a unit that is blocked; `outdated` says what it proposes then that
    would not be proposed now.
    `note` says why it stands as it does, where nothing is against it and that isn't plain.
    """

    unit: Unit
    target: str
    standing: Standing
    promotion: Promotion | None = None
    step: Step | None = None
    blocked: Blocked | None = None
    request: MergeRequest | None = None
    outdated: str = ""
    note: str = ""


@dataclass(frozen=True)
class Upkeep:
    """What is due in an environment beside promotions, or why it isn't done.

    That is tags that follow its branch, merge requests of ours that nobody needs any more, and what is said of the
    heads of other merge requests. What `around` another step, by its key, is to be said becomes a part of that: the
    last of it afterwards, the rest before.
    """

    unit: Unit
    environment: str
    step: Step | None = None
    blocked: Blocked | None = None
    around: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Plan:
    """Everything decided in one pass, by target environment and unit in the configuration's order."""

    verdicts: tuple[Verdict, ...]
    upkeep: tuple[Upkeep, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What `apply` would do."""
        steps = (*(verdict.step for verdict in self.verdicts), *(item.step for item in self.upkeep))
        return tuple(step for step in steps if step is not None)


@dataclass(frozen=True)
class Done:
    """The action changed the world; `detail` is for people (a commit, a digest, a merge request's URL).

    `notes` are sentences without a full stop: what came of it otherwise than was wanted, and is no failure.
    """

    action: Action
    detail: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlreadyDone:
    """The world was already as the action wants it; nothing was written."""

    action: Action
    detail: str = ""
    notes: tuple[str, ...] = ()


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
    remedy: str = ""


@dataclass(frozen=True)
class Failed:
    """The action failed; running again goes on from here."""

    action: Action
    error: BotError


Outcome: TypeAlias = Done | AlreadyDone | Stale | Refused | Failed
