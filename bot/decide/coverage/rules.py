"""Rules for services that fit nothing, or that an environment's `lock` leaves without effect."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from bot.config import Config, ServiceRule
from bot.decide.coverage.findings import Finding, Loc
from bot.decide.environments import Snapshot
from bot.errors import ExitCode

# So many names are told of what there is.
_FEW = 3


def locked_settings(config: Config) -> Iterator[Finding]:
    """Settings of rules that stay as the environment has them."""
    for index, rule in enumerate(config.services):
        for environment in config.environments:
            if rule.environments and environment.name not in rule.environments:
                continue
            for setting in sorted(rule.model_fields_set & set(environment.lock)):
                what = f"{setting} is locked in {environment.name} and stays as it is there"
                yield Finding(("services", index, setting), what)


def idle_rules(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """`match`, `environments` and `names` that fit nothing of what all environments have."""
    having = {snapshot.environment.name: snapshot.manifests.keys() for snapshot in snapshots}
    services = sorted({service for names in having.values() for service in names})
    misnamed = config.misnamed(services)
    for index, rule in enumerate(config.services):
        at: Loc = ("services", index)
        if rule.group is not None and rule.group in misnamed:
            yield _misnamed(at, rule.group)
        fitting = [service for service in services if rule.fits(service)]
        yield from _match(at, rule, services)
        if fitting:
            yield from _environments(config, at, rule, fitting, having)
            yield from _names(at, rule, fitting, having)


def _misnamed(at: Loc, group: str) -> Finding:
    what = f"{group} is also a service that isn't one of this group"
    return Finding((*at, "group"), what, "call the group otherwise, or let `match` fit the service", ExitCode.USAGE)


def _match(at: Loc, rule: ServiceRule, services: Sequence[str]) -> Iterator[Finding]:
    for pattern in rule.match:
        if not any(fnmatchcase(service, pattern) for service in services):
            near = difflib.get_close_matches(pattern.strip("*"), services, n=1)
            yield Finding((*at, "match"), f"{pattern} fits no service", f"did you mean {near[0]}?" if near else "")


def _environments(
    config: Config, at: Loc, rule: ServiceRule, fitting: Sequence[str], having: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """An environment that has none of the services has none coming either, unless it makes what is missing."""
    for place, name in enumerate(rule.environments):
        coming = (service for service in fitting if config.settings(name, service).when_missing == "copy")
        if not any(service in having[name] for service in fitting) and not any(coming):
            what = f"{name} has none of the services that this rule fits ({_some(fitting)})"
            yield Finding((*at, "environments", place), what)


def _names(
    at: Loc, rule: ServiceRule, fitting: Sequence[str], having: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    for name in rule.names:
        called = [rule.called(service, name) or service for service in fitting]
        if not any(service in having[name] for service in fitting):
            yield Finding((*at, "names", name), f"{name} has nothing called {_some(called)}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"
