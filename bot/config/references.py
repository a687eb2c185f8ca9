"""What the parts of a configuration say of each other: names that are used and nowhere defined, and circles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bot.config import Config, EnvironmentConfig, ServiceRule
from bot.config.base import Fault, Loc
from bot.config.floating import contested_tags
from bot.config.mixed import mixed_branches
from bot.errors import did_you_mean


def broken_references(config: Config) -> Iterator[Fault]:
    """Each fault with its place in the file."""
    seen: set[str] = set()
    for index, env in enumerate(config.environments):
        at: Loc = ("environments", index)
        if env.name in seen:
            yield (*at, "name"), f"a second environment named {env.name}"
        seen.add(env.name)
        yield from _of_environment(config, at, env)
    for index, rule in enumerate(config.services):
        yield from _of_rule(config, ("services", index), rule)
    groups = {rule.group for rule in config.services if rule.group}
    for group in config.groups:
        yield from _unknown(("groups", group), group, sorted(groups), "the groups that services name")
    yield from contested_tags(config)
    yield from mixed_branches(config)
    if len(seen) == len(config.environments) and all(
        source in config.names for env in config.environments for source in env.from_
    ):
        yield from _circles(config)


def _unknown(loc: Loc, name: str, known: Collection[str], section: str) -> Iterator[Fault]:
    if name not in known:
        there = f"; there are {', '.join(known)}" if known else ""
        yield loc, f"{name} is not among {section}" + (did_you_mean(name, known) or there)


def _of_environment(config: Config, at: Loc, env: EnvironmentConfig) -> Iterator[Fault]:
    yield from _unknown((*at, "registry"), env.registry, config.registries, "registries")
    yield from _unknown((*at, "repository", "forge"), env.repository.forge, config.forges, "forges")
    for place, source in enumerate(env.from_):
        yield from _unknown((*at, "from", place), source, config.names, "environments")
    for index, field in enumerate(env.fields):
        if field.path is None and len(env.paths) > 1:
            yield (*at, "fields", index), "say by `path` which of `paths` this is in"
        elif field.path is not None:
            yield from _unknown((*at, "fields", index, "path"), field.path, env.paths, "paths")


def _of_rule(config: Config, at: Loc, rule: ServiceRule) -> Iterator[Fault]:
    if rule.source is not None:
        yield from _unknown((*at, "source", "forge"), rule.source.forge, config.forges, "forges")
    for key, names in (("environments", rule.environments), ("skip", rule.skip)):
        for place, name in enumerate(names):
            yield from _unknown((*at, key, place), name, config.names, "environments")
    for name in rule.names:
        yield from _unknown((*at, "names", name), name, config.names, "environments")


def _circles(config: Config) -> Iterator[Fault]:
    sources = {env.name: env.from_ for env in config.environments}
    for index, env in enumerate(config.environments):
        trail = _way_back(sources, (env.name,))
        if trail:
            yield ("environments", index, "from"), f"a circle: {' from '.join(trail)}; take one `from` out"
            return


def _way_back(sources: Mapping[str, tuple[str, ...]], trail: tuple[str, ...]) -> tuple[str, ...]:
    """The way from an environment by its sources back to itself; empty where there is none."""
    for source in sources[trail[-1]]:
        if source == trail[0]:
            return (*trail, source)
        if source not in trail and (found := _way_back(sources, (*trail, source))):
            return found
    return ()
