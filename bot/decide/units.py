"""What is promoted together, and where each service comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.config import Config, EnvironmentConfig
from bot.decide.environments import Snapshot, read_environments
from bot.decide.facts import Ask, Refusal, both
from bot.decide.together import Together, by_name, read_together
from bot.errors import ExitCode
from bot.promotion import Unit


@dataclass(frozen=True)
class Reach:
    """A target and what comes to it: for each service the environments that have it, the first one leading.

    `together` are the services that open merge requests hold together because somebody said so, the oldest first.
    """

    target: Snapshot
    sources: Mapping[str, tuple[Snapshot, ...]]
    together: tuple[Together, ...] = ()

    def holding(self, service: str) -> Together | None:
        """What a service goes with: of several that claim it the oldest, so that all passes see the same."""
        return self._held.get(service)

    @cached_property
    def _held(self) -> Mapping[str, Together]:
        return {service: each for each in reversed(self.together) for service in each.services}


def read_reach(ask: Ask, config: Config, target: EnvironmentConfig, services: Sequence[str]) -> Reach:
    """Read the target and all that is before it; of these services (none: of all).

    Raises Refusal where an environment has none at all: that is a mistake in its patterns.
    """
    environments = (*config.upstream(target), target)
    snapshots, together = both(
        lambda: read_environments(ask, config, environments, services), lambda: read_together(ask, config, target)
    )
    for snapshot in snapshots:
        if not services and not snapshot.manifests:
            raise _empty(snapshot.environment)
    by_name = {snapshot.environment.name: snapshot for snapshot in snapshots}
    sources = {}
    for service in sorted({service for snapshot in snapshots[:-1] for service in snapshot.manifests}):
        if not config.skips(target.name, service):
            before = (by_name[source.name] for source in config.sources(target, service))
            having = tuple(snapshot for snapshot in before if service in snapshot.manifests)
            if having:
                sources[service] = having
    return Reach(by_name[target.name], sources, together)


def find_units(config: Config, reach: Reach) -> Iterator[Unit]:
    """What all services make up: what goes together because somebody said so, groups, and the others by themselves."""
    for each in reach.together:
        if known := tuple(service for service in reach.sources if service in each.services):
            yield Unit(each.name, known, known)
    for name, members in _configured(config, reach).items():
        if free := tuple(member for member in members if reach.holding(member) is None):
            yield Unit(name, free)


def find_wanted(config: Config, reach: Reach, wanted: Sequence[str], together: str | None) -> Iterator[Unit]:
    """The units that somebody means who names these services or groups.

    Who names a service of a group means the group; of that, what goes with something else by now is a unit of its own,
    as the answer. With `together`, what is wanted is one unit of that name.
    """
    if together is not None:
        if named := tuple(service for service in reach.sources if service in wanted):
            yield Unit(together, named, named)
        return
    for name, members in _configured(config, reach).items():
        if name in wanted or any(member in wanted for member in members):
            if free := tuple(member for member in members if reach.holding(member) is None):
                yield Unit(name, free)
            yield from (Unit(member, (member,)) for member in members if reach.holding(member) is not None)


def refuse_taken(config: Config, reach: Reach, unit: Unit) -> None:
    """Refuse what an older merge request proposes together with other services.

    Two that propose one service would undo each other; the older one wins, since people may have looked at it.
    """
    group = config.groups.get(unit.name)
    elsewhere = [service for each in reach.together for service in each.services if service in reach.sources]
    whole = group is not None and group.all_or_nothing
    missing = [service for service in elsewhere if config.group(service) == unit.name] if whole else []
    for service in (*unit.services, *missing):
        holding = reach.holding(service)
        if holding is not None and holding.name != unit.name:
            again = by_name(Unit(holding.name, (), holding.services), reach.target.environment.name)
            waits = "" if service in unit.services else f"{unit.name} waits for {service}: "
            raise Refusal(
                f"{waits}{service} is proposed together with other services in {holding}",
                f"`{again}` updates !{holding.request.number}; once that is merged or closed, {service} goes by itself "
                "again",
            )


def _configured(config: Config, reach: Reach) -> Mapping[str, list[str]]:
    """The services by what the configuration makes of them, in their order: by group, else by their own name."""
    units: dict[str, list[str]] = {}
    for service in reach.sources:
        units.setdefault(config.group(service) or service, []).append(service)
    return units


def _empty(environment: EnvironmentConfig) -> Refusal:
    where = f"{environment.repository.repository}, branch {environment.repository.branch}"
    return Refusal(
        f"{', '.join(environment.paths)} matches no file of {where}",
        f"correct `paths` of environment {environment.name}; `promobot check` tells what comes near",
        ExitCode.USAGE,
    )
