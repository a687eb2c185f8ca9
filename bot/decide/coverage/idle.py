"""Keys of environments that nothing fits: globs of images, names of repositories, fields, settings without effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bot.config import Config, EnvironmentConfig, FieldConfig, Settings
from bot.decide.coverage.findings import Finding, Loc
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Refusal

# What is done to an environment that nothing is promoted to.
_WITHOUT_SOURCE = frozenset({"approvers", "floating_tags"})
_OF_TARGETS = ("repositories", "limits")
_TAKE_OUT = "give it a `from`, or take this out"
# So many names are told of what there is.
_FEW = 5


def idle_keys(config: Config, snapshots: Sequence[Snapshot]) -> Iterator[Finding]:
    """Of the environments that could be read; of images only where each of their manifests could be."""
    paths = {snapshot.environment.name: _paths(config, snapshot) for snapshot in snapshots}
    for snapshot in snapshots:
        environment = snapshot.environment
        at: Loc = ("environments", config.names.index(environment.name))
        yield from _settings(at, environment)
        yield from _images(config, at, environment, paths[environment.name])
        yield from _repositories(config, at, environment, paths)
        yield from _fields(at, snapshot)


def _paths(config: Config, snapshot: Snapshot) -> set[str] | None:
    """The repository paths, below its registry's prefix, of an environment's images; None where not all can be told."""
    found: set[str] = set()
    for manifest in _manifests(snapshot):
        try:
            images = [field.image for field in manifest.fields if field.image]
        except Refusal:
            return None
        found.update(path for image in images if (path := config.path_in(snapshot.environment.registry, image)))
    return found


def _manifests(snapshot: Snapshot) -> Iterator[Manifest]:
    yield from (manifest for manifests in snapshot.manifests.values() for manifest in manifests)


def _settings(at: Loc, environment: EnvironmentConfig) -> Iterator[Finding]:
    if environment.from_:
        return
    for key in (*(name for name in Settings.model_fields if name not in _WITHOUT_SOURCE), *_OF_TARGETS):
        if key in environment.model_fields_set:
            what = f"nothing is promoted to {environment.name}, so {key} says nothing here"
            yield Finding((*at, key), what, _TAKE_OUT)
    for place, key in enumerate(environment.lock):
        if key not in _WITHOUT_SOURCE:
            what = f"nothing is promoted to {environment.name}, so to lock {key} says nothing here"
            yield Finding((*at, "lock", place), what, _TAKE_OUT)


def _images(config: Config, at: Loc, environment: EnvironmentConfig, paths: set[str] | None) -> Iterator[Finding]:
    registry = config.registries[environment.registry]
    for index, glob in enumerate(environment.images if paths else ()):
        if not any(registry.fits(glob, path) for path in paths or ()):
            what = f"{glob} fits no image of registry {environment.registry} in {environment.name}"
            yield Finding(
                (*at, "images", index), what, _there({registry.image(path).repository for path in paths or ()})
            )


def _repositories(
    config: Config, at: Loc, environment: EnvironmentConfig, paths: Mapping[str, set[str] | None]
) -> Iterator[Finding]:
    sources = config.upstream(environment)
    theirs: set[str] = set()
    for source in sources:
        known = paths.get(source.name)
        if known is None:
            return
        theirs |= known
    fitting = {entry for path in theirs if (entry := environment.mapping(path)) is not None}
    for entry, ours in environment.repositories.items() if theirs else ():
        if entry not in fitting:
            what = f"{entry} fits no image of {', '.join(each.name for each in sources)}, or an entry before it does"
            advice = next(filter(None, (_below(config, each.registry, entry) for each in sources)), _there(theirs))
            yield Finding((*at, "repositories", entry), what, advice)
        elif below := _below(config, environment.registry, ours):
            what = f"images would go to {config.registries[environment.registry].url}/{ours}"
            yield Finding((*at, "repositories", entry), what, below)


def _below(config: Config, registry: str, glob: str) -> str:
    """What to write of a glob that begins with a registry's prefix, as `repositories` are below it; else empty."""
    prefix = config.registries[registry].prefix
    if not prefix or not glob.startswith(f"{prefix}/"):
        return ""
    return f"write {glob.removeprefix(f'{prefix}/')}: {prefix} is what registry {registry} begins with anyway"


def _there(paths: Collection[str]) -> str:
    some = sorted(paths)
    more = f" and {len(some) - _FEW} more" if len(some) > _FEW else ""
    return f"there are {', '.join(some[:_FEW])}{more}"


def _fields(at: Loc, snapshot: Snapshot) -> Iterator[Finding]:
    broken: dict[FieldConfig, list[str]] = {}
    for manifest in _manifests(snapshot):
        try:
            gaps = {rule.pointer: f"{manifest.file.path}:{one.line}: {one.gap}" for rule, one in manifest.misled}
            told = list(zip(manifest.told, manifest.rules, strict=True))
        except Refusal:
            continue
        for field, rule in told:
            if rule.pointer in gaps:
                broken.setdefault(field, []).append(gaps[rule.pointer])
    for field, places in broken.items():
        index = snapshot.environment.fields.index(field)
        more = f", and so in {len(places) - 1} more" if len(places) > 1 else ""
        yield Finding((*at, "fields", index), f"{field.pointer} finds no image: {places[0]}{more}")
