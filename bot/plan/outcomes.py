"""What came of an action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.errors import BotError, ExitCode
from bot.plan.actions import Action
from bot.plan.verdicts import Step


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
