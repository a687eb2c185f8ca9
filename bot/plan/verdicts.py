"""What is decided, and the steps that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from bot.errors import ExitCode
from bot.plan.actions import Action
from bot.promotion import Promotion, Unit
from bot.questions import Absent, Found, Question
from bot.repositories import MergeRequest, Repository

# A step's target environment, unit and branch.
StepKey: TypeAlias = tuple[str, str, str]


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
    def key(self) -> StepKey:
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
    `forbidden` says why it isn't to be merged, where the configuration's rules are against just that.
    `note` says why it stands as it does, where nothing is against it and that isn't plain. What is `queued` is due,
    and waits until there are fewer open merge requests.
    """

    unit: Unit
    target: str
    standing: Standing
    promotion: Promotion | None = None
    step: Step | None = None
    blocked: Blocked | None = None
    request: MergeRequest | None = None
    outdated: str = ""
    forbidden: str = ""
    note: str = ""
    queued: bool = False


@dataclass(frozen=True)
class Upkeep:
    """What is due in an environment beside promotions, or why it isn't done.

    That is tags that follow its branch, merge requests of ours that nobody needs any more, and what is said of the
    heads of other merge requests. What `around` another step, by its key, is to be said becomes a part of that: the
    last of it afterwards, the rest before; or, where both edit one text, that step in place of this edit, with it.
    """

    unit: Unit
    environment: str
    step: Step | None = None
    blocked: Blocked | None = None
    around: StepKey | None = None


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
