"""What a configuration finds: which way each service takes, and which of its parts find nothing or too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from bot.config import Config, EnvironmentConfig
from bot.decide.coverage.findings import Finding
from bot.decide.coverage.idle import idle_keys
from bot.decide.coverage.places import idle_paths, shared_files, strange_names
from bot.decide.coverage.rules import idle_rules, locked_settings
from bot.decide.environments import Snapshot, head_of, read_environments
from bot.decide.facts import Ask, Facts, Refusal, Unanswered
from bot.decide.gaps import Gap, gap_before
from bot.questions import Absent, Need, Question

__all__ = ["Coverage", "Finding", "cover"]


@dataclass(frozen=True)
class Coverage:
    """`ways` are the environments that services go through, each step's together, with the services that do."""

    ways: Mapping[tuple[tuple[str, ...], ...], tuple[str, ...]]
    findings: tuple[Finding, ...]


def cover(config: Config, facts: Facts) -> Need | Coverage:
    """Look at every environment that can be read, and say of the others why they can't."""
    ask = Ask(facts)
    snapshots: list[Snapshot] = []
    unread: list[Finding] = []
    questions: list[Question[object]] = []
    for index, environment in enumerate(config.environments):
        try:
            snapshots += read_environments(ask, config, (environment,), ())
        except Unanswered as need:
            questions += need.questions
        except Refusal as refusal:
            unread.append(_unread(facts, index, environment, refusal))
    if questions:
        return Need(tuple(dict.fromkeys(questions)))
    try:
        findings = (*unread, *_of_snapshots(ask, config, snapshots), *locked_settings(config))
    except Unanswered as need:
        return Need(tuple(need.questions))
    return Coverage(_ways(config, snapshots), findings)


def _unread(facts: Facts, index: int, environment: EnvironmentConfig, refusal: Refusal) -> Finding:
    key = "branch" if isinstance(facts.answers.get(head_of(environment)), Absent) else "project"
    blocked = refusal.blocked
    return Finding(("environments", index, "repository", key), blocked.reason, blocked.remedy, blocked.code)


def _of_snapshots(ask: Ask, config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    yield from idle_paths(ask, config, snapshots)
    yield from shared_files(config, snapshots)
    yield from idle_keys(config, snapshots)
    if len(snapshots) == len(config.environments):  # what nothing was found for may be where we couldn't look
        yield from idle_rules(config, snapshots)
        yield from strange_names(config, snapshots)
        yield from _gaps(config, snapshots)


def _gaps(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """One for each target and what is lacking before it, however many services that is so of."""
    found: dict[tuple[str, tuple[str, ...]], list[Gap]] = {}
    for service, having in _having(snapshots).items():
        for target in config.targets:
            if gap := gap_before(config, target, service, having):
                found.setdefault((gap.target, gap.lacking), []).append(gap)
    for (name, _), (gap, *others) in found.items():
        blocked = gap.refusal.blocked
        more = f"; and so with {len(others)} more" if others else ""
        at = ("environments", config.names.index(name), "from")
        yield Finding(at, f"{blocked.reason}{more}", blocked.remedy)


def _having(snapshots: Sequence[Snapshot]) -> dict[str, list[str]]:
    """The environments that have each service."""
    having: dict[str, list[str]] = {}
    for snapshot in snapshots:
        for service in snapshot.manifests:
            having.setdefault(service, []).append(snapshot.environment.name)
    return dict(sorted(having.items()))


def _ways(config: Config, snapshots: Sequence[Snapshot]) -> dict[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """By the longest way first. A service has several where nothing leads from one to the other."""
    ways: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    depth = _depths(config)
    for service, environments in _having(snapshots).items():
        through = [name for name in environments if not config.skips(name, service)]
        for connected in _connected(config, service, through) or [[]]:
            steps = sorted({depth[name] for name in connected})
            way = tuple(tuple(name for name in connected if depth[name] == step) for step in steps)
            ways.setdefault(way, []).append(service)
    return {way: tuple(ways[way]) for way in sorted(ways, key=lambda way: (-len(way), way))}


def _connected(config: Config, service: str, through: Sequence[str]) -> list[list[str]]:
    """The environments, split where none gets the service's images from another."""
    parts: list[list[str]] = []
    for name in through:
        linked = _sources(config, name, service)
        linked |= {other for other in through if name in _sources(config, other, service)}
        touching = [part for part in parts if linked & {*part}]
        parts = [part for part in parts if part not in touching]
        parts.append(sorted([name, *(one for part in touching for one in part)], key=through.index))
    return parts


def _sources(config: Config, name: str, service: str) -> set[str]:
    return {source.name for source in config.sources(config.environment(name), service)}


def _depths(config: Config) -> Mapping[str, int]:
    @cache
    def depth(name: str) -> int:
        return max((depth(source) + 1 for source in config.environment(name).from_), default=0)

    return {name: depth(name) for name in config.names}
