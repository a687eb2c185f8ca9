"""What a merge request tells that nothing is decided by: asked together, and left out where it can't be found out."""

from __future__ import annotations

from collections.abc import Mapping

from bot.config import Config
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, both
from bot.decide.revisions import find_revisions
from bot.decide.text import Background
from bot.decide.uncarried import not_carried
from bot.promotion import Promotion


def tell(
    ask: Ask, config: Config, sources: Mapping[str, Snapshot], target: Snapshot, promotion: Promotion, body: str
) -> Background:
    """What stays behind, and what the images were built from; `body` is what our merge request says so far."""
    left_behind, built_from = both(
        lambda: not_carried(ask, config, sources, target, promotion, body),
        lambda: find_revisions(ask, config, promotion, body),
    )
    return Background(left_behind, revisions=built_from)
