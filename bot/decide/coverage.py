"""What a configuration finds: which way each service takes, and which of its parts find nothing or too much."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TypeAlias

from bot.config import Config, EnvironmentConfig, PathPattern, glob_match
from bot.decide.environments import Snapshot, read_environments
from bot.decide.facts import Ask, Facts, Refusal, Unanswered
from bot.questions import Need, Paths, Question

Loc: TypeAlias = tuple[int | str, ...]

# What is told of paths that are meant by mistake.
_NEAR_ENOUGH = 0.75


@dataclass(frozen=True)
class Finding:
    """Something about a part of the configuration, and what to do; `fault`: nothing good can come of it."""

    loc: Loc
    what: str
    advice: str = ""
    fault: bool = False


@dataclass(frozen=True)
class Coverage:
    """`ways` are the environments that services go through, each step's together, with the services that do."""

    ways: Mapping[tuple[tuple[str, ...], ...], tuple[str, ...]]
    findings: tuple[Finding, ...]


def cover(config: Config, facts: Facts) -> Need | Coverage:
    """Look at every environment that can be read; what is wrong with those that can't is told by who surveys them."""
    ask = Ask(facts)
    snapshots: list[Snapshot] = []
    questions: list[Question[object]] = []
    for environment in config.environments:
        try:
            snapshots += read_environments(ask, config, (environment,), ())
        except Unanswered as need:
            questions += need.questions
        except Refusal:
            continue
    if questions:
        return Need(tuple(dict.fromkeys(questions)))
    try:
        findings = (*_patterns(ask, config, snapshots), *_shared(config, snapshots), *_rules(config, snapshots))
    except Unanswered as need:
        return Need(tuple(need.questions))
    return Coverage(_ways(config, snapshots), findings)


# --- environments ---------------------------------------------------------------------------------------


def _patterns(ask: Ask, config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    idle = {s.rev: None for s in snapshots if list(_idle(s)) or s.environment.exclude}
    ask.together(*(Paths(rev) for rev in idle))
    for snapshot in snapshots:
        environment = snapshot.environment
        at: Loc = ("environments", config.names.index(environment.name))
        paths = ask.perhaps(Paths(snapshot.rev)) or () if snapshot.rev in idle else ()
        for slot in _idle(snapshot):
            where = f"{environment.repository.repository} at {environment.repository.branch}"
            near = _near(environment.patterns[slot], paths)
            yield Finding(
                (*at, "paths", slot),
                f"{environment.paths[slot]} matches no file of {where}",
                f"did you mean {near}?" if near else "",
                fault=not snapshot.manifests,
            )
        for index, glob in enumerate(environment.exclude):
            if not any(glob_match(glob, path) for path in paths):
                yield Finding((*at, "exclude", index), f"{glob} matches no file, so it excludes nothing")
        yield from _two_of_a_name(at, snapshot)


def _idle(snapshot: Snapshot) -> Iterator[int]:
    """The slots that no manifest fits."""
    used = {manifest.slot for manifests in snapshot.manifests.values() for manifest in manifests}
    yield from (slot for slot in range(len(snapshot.environment.paths)) if slot not in used)


def _near(pattern: PathPattern, paths: Iterable[str]) -> str:
    """The pattern that would find something: as a path has it, where the pattern has no placeholder in that segment."""
    segments = pattern.text.split("/")
    best, score = "", _NEAR_ENOUGH
    for words in dict.fromkeys(_likened(segments, path.split("/")) for path in paths):
        ratio = difflib.SequenceMatcher(None, pattern.text, words).ratio() if words else 0.0
        if ratio > score:
            best, score = words, ratio
    return best


def _likened(segments: Sequence[str], path: Sequence[str]) -> str:
    if len(segments) != len(path) or not path[-1].endswith((".yaml", ".yml", ".json")):
        return ""
    return "/".join(ours if "{" in ours or "*" in ours else theirs for ours, theirs in zip(segments, path, strict=True))


def _two_of_a_name(at: Loc, snapshot: Snapshot) -> Iterator[Finding]:
    """Services that are told apart by their paths, but not by the names that these make up."""
    for service, manifests in snapshot.manifests.items():
        spelt = {tuple(manifest.values.values()): manifest.file.path for manifest in manifests}
        if len({(manifest.name, tuple(manifest.values)) for manifest in manifests}) < len(spelt):
            what = f"{' and '.join(sorted(spelt.values()))} are both {service}"
            yield Finding((*at, "paths"), what, "put another placeholder between them, or exclude one", fault=True)


def _shared(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """Files that two environments take for theirs; of each two environments the first such file."""
    owners: dict[tuple[object, str], EnvironmentConfig] = {}
    told: set[tuple[str, str]] = set()
    for snapshot in snapshots:
        for manifest in (one for manifests in snapshot.manifests.values() for one in manifests):
            environment = snapshot.environment
            owner = owners.setdefault((snapshot.rev, manifest.file.path), environment)
            if owner is not environment and (owner.name, environment.name) not in told:
                told.add((owner.name, environment.name))
                yield Finding(
                    ("environments", config.names.index(environment.name), "paths", manifest.slot),
                    f"{manifest.file.path} belongs to {owner.name} and to {environment.name}",
                    "what is edited for one would change the other: name each environment's own files, or `exclude` it",
                    fault=True,
                )


# --- services -------------------------------------------------------------------------------------------


def _rules(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    services = sorted({service for snapshot in snapshots for service in snapshot.manifests})
    misnamed = config.misnamed(services)
    for index, rule in enumerate(config.services):
        at: Loc = ("services", index)
        if rule.group in misnamed:
            what = f"{rule.group} is also a service that isn't one of this group"
            advice = "call the group otherwise, or let `match` fit the service"
            yield Finding((*at, "group"), what, advice, fault=True)
        for pattern in rule.match:
            if not any(fnmatchcase(service, pattern) for service in services):
                near = difflib.get_close_matches(pattern.strip("*"), services, n=1)
                yield Finding((*at, "match"), f"{pattern} fits no service", f"did you mean {near[0]}?" if near else "")
        for environment in config.environments:
            if rule.environments and environment.name not in rule.environments:
                continue
            for setting in sorted(rule.model_fields_set & set(environment.lock)):
                yield Finding((*at, setting), f"{setting} is locked in {environment.name} and stays as it is there")


def _ways(config: Config, snapshots: Sequence[Snapshot]) -> dict[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """By the longest way first."""
    having: dict[str, list[str]] = {}
    for snapshot in snapshots:
        for service in snapshot.manifests:
            having.setdefault(service, []).append(snapshot.environment.name)
    ways: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    depth = _depths(config)
    for service, environments in sorted(having.items()):
        through = [name for name in environments if not config.skips(name, service)]
        steps = sorted({depth[name] for name in through})
        way = tuple(tuple(name for name in through if depth[name] == step) for step in steps)
        ways.setdefault(way, []).append(service)
    return {way: tuple(ways[way]) for way in sorted(ways, key=lambda way: (-len(way), way))}


def _depths(config: Config) -> Mapping[str, int]:
    @cache
    def depth(name: str) -> int:
        return max((depth(source) + 1 for source in config.environment(name).from_), default=0)

    return {name: depth(name) for name in config.names}
