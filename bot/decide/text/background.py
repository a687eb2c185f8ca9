"""What a merge request tells besides the promotion itself. What isn't known is left out, and nothing is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.decide.approving import Needed
from bot.decide.creation import Creation
from bot.decide.revisions import Revisions
from bot.decide.uncarried import LeftBehind
from bot.plan import Check


@dataclass(frozen=True)
class Background:
    """Facts for the reader.

    `since` is when the source environment's branch first carried these images without a break since; `checks` are the
    gates that were judged; `lines` are the numbers of those that change, by file; `needed` are approvals.
    """

    left_behind: LeftBehind = field(default_factory=LeftBehind)
    creation: Creation | None = None
    since: datetime | None = None
    checks: tuple[Check, ...] = ()
    revisions: tuple[Revisions, ...] = ()
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    needed: Needed = field(default_factory=Needed)
