"""Where a configuration looks for manifests: paths that find nothing, files of two environments, and odd names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from bot.config import Config, EnvironmentConfig, PathPattern, glob_match
from bot.decide.coverage.findings import Finding, Loc
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask
from bot.errors import ExitCode
from bot.questions import Paths

# What is told of paths and names that are meant by mistake.
_NEAR_ENOUGH = 0.75
# So many services of one kind are named.
_FEW = 3


def idle_paths(ask: Ask, config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """`paths` and `exclude` that no file fits, and paths that make one name of two services'."""
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
                code=ExitCode.DONE if snapshot.manifests else ExitCode.USAGE,
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
            yield Finding(
                (*at, "paths"), what, "put another placeholder between them, or exclude one", code=ExitCode.USAGE
            )


def shared_files(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
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
                    code=ExitCode.USAGE,
                )


def strange_names(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """Services that a target lacks, where it has some of nearly the same name that no source has."""
    having = {snapshot.environment.name: snapshot.manifests.keys() for snapshot in snapshots}
    for index, target in enumerate(config.environments):
        sources = [source.name for source in config.upstream(target)]
        theirs = {service for name in sources for service in having[name] if not config.skips(target.name, service)}
        ours = having[target.name]
        alike: dict[str, list[tuple[str, str]]] = {}
        for service, name in _pairs(sorted(theirs - ours), sorted(ours - theirs) if sources else ()):
            alike.setdefault(_template(service, name), []).append((service, name))
        for template, pairs in alike.items():
            yield _strange(("environments", index, "paths"), target.name, template, pairs)


def _pairs(lacking: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each that is lacking with the other that is nearest, where that is near, and no other is as near to that one."""
    near = {name: _nearest(name, lacking) for name in others}
    for service in lacking:
        name = _nearest(service, others)
        if name and near[name] == service:
            yield service, name


def _nearest(name: str, others: Iterable[str]) -> str:
    ratios = ((_likeness(name, other), other) for other in others)
    return max(((ratio, other) for ratio, other in ratios if ratio >= _NEAR_ENOUGH), default=(0.0, ""))[1]


def _likeness(one: str, other: str) -> float:
    """Names that begin or end with the other are near, however long the rest."""
    short, long = sorted((one, other), key=len)
    ratio = difflib.SequenceMatcher(None, short, long).ratio()
    return (1 + ratio) / 2 if long.startswith(f"{short}-") or long.endswith(f"-{short}") else ratio


def _template(service: str, name: str) -> str:
    return name.replace(service, "{service}", 1)


def _strange(loc: Loc, target: str, template: str, pairs: Sequence[tuple[str, str]]) -> Finding:
    more = f", and {len(pairs) - _FEW} more like that" if len(pairs) > _FEW else ""
    named = " and ".join(f"no {service}, but {name}" for service, name in pairs[:_FEW])
    match = pairs[0][0] if len(pairs) == 1 else f"[{', '.join(service for service, _ in pairs[:_FEW])}]"
    advice = f'if they are the same, say so in `services`: {{match: {match}, names: {{{target}: "{template}"}}}}'
    return Finding(loc, f"{target} has {named}{more}", advice)
