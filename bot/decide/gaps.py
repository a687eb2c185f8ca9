"""Services whose chain has a gap: an environment has them, and one further up, but none that they would come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bot.config import Config, EnvironmentConfig
from bot.decide.environments import read_environments
from bot.decide.facts import Ask, Outside, Refusal
from bot.decide.units import Reach


@dataclass(frozen=True)
class Gap:
    """`lacking` are the environments between the target and the next one `before` it that has the service."""

    service: str
    target: str
    lacking: tuple[str, ...]
    before: str

    @property
    def refusal(self) -> Outside:
        """The answer to who asks why nothing is promoted."""
        lacking = " and ".join(self.lacking)
        return Outside(
            f"{lacking} {'has' if len(self.lacking) == 1 else 'have'} no manifest of {self.service}, so nothing brings "
            f"it from {self.before} to {self.target}",
            f"add its manifest in {lacking}; or, in `services`, "
            f"`{{match: {self.service}, skip: [{', '.join(self.lacking)}]}}`",
        )


def gap_before(config: Config, target: EnvironmentConfig, service: str, having: Collection[str]) -> Gap | None:
    """The gap before a target, where these environments have the service."""
    sources = [source.name for source in config.sources(target, service)]
    if target.name not in having or config.skips(target.name, service) or not sources or {*sources} & {*having}:
        return None
    before = next((name for name in config.before(target) if name in having), None)
    return Gap(service, target.name, tuple(sources), before) if before is not None else None


def find_gaps(ask: Ask, config: Config, reach: Reach, wanted: Collection[str]) -> Iterator[Gap]:
    """Those of these services or groups (none: of all). What is before and can't be read isn't told of."""
    target = reach.target.environment
    orphaned = [
        service
        for service in reach.target.manifests
        if service not in reach.sources and (not wanted or {service, config.group(service)} & {*wanted})
    ]
    if not orphaned:
        return
    try:
        before = read_environments(ask, config, [config.environment(name) for name in config.before(target)], ())
    except Refusal:
        return
    for service in orphaned:
        having = {snapshot.environment.name for snapshot in before if service in snapshot.manifests}
        if gap := gap_before(config, target, service, {target.name, *having}):
            yield gap
