"""What is promoted together, and where each service comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.config import Config, EnvironmentConfig
from bot.decide.environments import Snapshot, read_environments
from bot.decide.facts import Ask, Refusal
from bot.errors import ExitCode, UsageError
from bot.promotion import Unit


@dataclass(frozen=True)
class Reach:
    """A target and what comes to it: for each service the environments that have it, the first one leading."""

    target: Snapshot
    sources: Mapping[str, tuple[Snapshot, ...]]


def read_reach(ask: Ask, config: Config, target: EnvironmentConfig, services: Sequence[str]) -> Reach:
    """Read the target and all that is before it; of these services (none: of all).

    Raises Refusal where an environment has none at all: that is a mistake in its patterns.
    """
    environments = (*config.upstream(target), target)
    snapshots = read_environments(ask, config, environments, services)
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
    return Reach(by_name[target.name], sources)


def find_units(config: Config, services: Sequence[str], wanted: Sequence[str], together: str | None) -> Iterator[Unit]:
    """What these services make up, in their order: each by itself or with its group; what is wanted, or everything.

    Who names a service of a group means the group. With `together`, what is wanted is one unit of that name; raises
    UsageError where a service has it.
    """
    if together is not None:
        if together in services and set(wanted) != {together}:
            raise UsageError(f"{together} is a service of its own", hint="give what goes together another name")
        if named := tuple(service for service in services if service in wanted):
            yield Unit(together, named, chosen=True)
        return
    units: dict[str, list[str]] = {}
    for service in services:
        units.setdefault(config.group(service) or service, []).append(service)
    for name, members in units.items():
        if not wanted or name in wanted or any(member in wanted for member in members):
            yield Unit(name, tuple(members))


def _empty(environment: EnvironmentConfig) -> Refusal:
    where = f"{environment.repository.repository} at {environment.repository.branch}"
    return Refusal(
        f"{', '.join(environment.paths)} matches no file of {where}",
        f"correct `paths` of environment {environment.name}",
        ExitCode.USAGE,
    )
