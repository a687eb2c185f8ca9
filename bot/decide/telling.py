"""What a merge request tells that nothing is decided by: asked together, and left out where it can't be found out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.config import Config
from bot.decide import revisions, uncarried
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, both
from bot.decide.text import Background
from bot.promotion import Promotion
from bot.questions import Question


def first_questions(config: Config, target: Snapshot, promotion: Promotion, body: str) -> tuple[Question[Any], ...]:
    """What `tell` begins with, so that it can be asked with other things."""
    return (*uncarried.first_questions(target, promotion), *revisions.first_questions(config, promotion, body))


def tell(
    ask: Ask, config: Config, sources: Mapping[str, Snapshot], target: Snapshot, promotion: Promotion, body: str
) -> Background:
    """What stays behind, and what the images were built from; `body` is what our merge request says so far."""
    left_behind, built_from = both(
        lambda: uncarried.not_carried(ask, config, sources, target, promotion, body),
        lambda: revisions.find_revisions(ask, config, promotion, body),
    )
    return Background(left_behind, revisions=built_from)
