"""A proposal on its way: everything that deciding about one unit's way into one environment needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.config import Config, Settings
from bot.decide.branch import Branch
from bot.decide.creation import Creation
from bot.decide.environments import Snapshot
from bot.decide.soak import Soaked
from bot.decide.text import Texts
from bot.promotion import Promotion


@dataclass(frozen=True)
class Proposal:
    """One unit's way into one environment.

    `sources` has for each of its services what is said where it comes from; `looking`: nothing will be done about it.
    """

    sources: Mapping[str, Snapshot]
    target: Snapshot
    promotion: Promotion
    branch: Branch
    config: Config
    texts: Texts
    reopen: bool
    creation: Creation | None = None
    soaked: tuple[Soaked, ...] = ()
    looking: bool = False

    @property
    def settings(self) -> tuple[Settings, ...]:
        """How each of the unit's services is promoted."""
        target, services = self.promotion.target, self.promotion.unit.services
        return tuple(self.config.settings(target, service) for service in services)
