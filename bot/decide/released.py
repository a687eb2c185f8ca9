"""`replace_unreleased`: whether a version tag may still be moved, as nobody further on has ever had that version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from bot.config import Config, EnvironmentConfig, TagScheme
from bot.decide.branch import branch_questions, read_branch
from bot.decide.environments import Manifest, Snapshot, manifest_of, read_environments
from bot.decide.facts import Ask, Refusal, for_each
from bot.decide.tags import target_tag
from bot.decide.together import read_together
from bot.decide.trailers import PROMOTED_FROM
from bot.images import ImageRef
from bot.promotion import Move, Unit
from bot.questions import History, Landed, OpenRequests
from bot.repositories import Commit, File

_ANOTHER = "release a new version"


@dataclass(frozen=True)
class _Version:
    """A version of a service's image: as the target has it, and by which tags each environment further on would."""

    config: Config
    service: str
    image: ImageRef
    tags: Mapping[str, Set[str]]


def must_be_replaceable(ask: Ask, config: Config, target: Snapshot, move: Move, taken: str) -> None:
    """Refuse to move the version tag of `move`, unless it may be; `taken` says what it leads to now."""
    environment = target.environment
    if not config.settings(environment.name, move.service).replace_unreleased:
        way = f"set `replace_unreleased: true` for {environment.name}"
        raise Refusal(taken, f"{_ANOTHER}; or, if no environment after it has had this one, {way}")
    image = move.after.at(move.tag, None)
    for path in _naming_by_tag_alone(target, image):
        raise Refusal(
            f"{taken}; {path} names it without a digest, so it would run another image without a merge request",
            f"write the digest beside the tag in {path}, or {_ANOTHER}",
        )
    others = tuple(env for env in config.environments if env.name not in _before(config, environment))
    version = _Version(config, move.service, image, _tags(config, environment, move))
    snapshots = read_environments(ask, config, others, ())
    traces = for_each(snapshots, lambda snapshot: _trace(ask, version, snapshot))
    for snapshot, had in zip(snapshots, traces, strict=True):
        if had is not None:
            raise Refusal(f"{taken}; {had}", f"{_ANOTHER}: a tag that {snapshot.environment.name} had isn't moved")


def _before(config: Config, environment: EnvironmentConfig) -> Set[str]:
    """The environment and everything that it comes from."""
    names = {environment.name}
    for source in environment.from_:
        names |= _before(config, config.environment(source))
    return names


def _tags(config: Config, target: EnvironmentConfig, move: Move) -> Mapping[str, Set[str]]:
    """The tags that the version has had or would get in each environment, by way of those between."""
    tags: dict[str, set[str]] = {target.name: {move.tag}}
    for _ in config.environments:  # as many hops as there can be
        for source, environment in config.hops:
            scheme = config.settings(environment.name, move.service).tag
            filled = (_filled(scheme, tag) for tag in tuple(tags.get(source.name, ())))
            tags.setdefault(environment.name, {move.tag}).update(tag for tag in filled if tag)
    return tags


def _filled(scheme: TagScheme, tag: str) -> str | None:
    try:
        return target_tag(scheme, tag)
    except ValueError:
        return None


def _naming_by_tag_alone(target: Snapshot, image: ImageRef) -> Iterator[str]:
    for manifests in target.manifests.values():
        for manifest in manifests:
            if image in _images(manifest):
                yield manifest.file.path


def _images(manifest: Manifest) -> Set[ImageRef]:
    """What a manifest names; nothing that can't be read, which is refused where it matters."""
    try:
        return {field.image for field in manifest.fields if field.image is not None}
    except Refusal:
        return frozenset()


def _trace(ask: Ask, version: _Version, snapshot: Snapshot) -> str | None:
    """What shows that an environment has had the version, or isn't known not to have; None where nothing does."""
    environment = snapshot.environment
    manifests = tuple(_manifests(version, snapshot))
    landed = [Landed(snapshot.rev, manifest.file.path) for manifest in manifests]
    history = [History(snapshot.rev, manifest.file.path) for manifest in manifests]
    units = [Unit(name, ()) for name in {version.service, version.config.group(version.service) or version.service}]
    ask.together(*landed, *history, *(question for unit in units for question in branch_questions(ask, snapshot, unit)))
    for manifest, question in zip(manifests, landed, strict=True):
        if had := _named(ask, version, snapshot, manifest, question):
            return had
    pasts = [ask.maybe(question) for question in history]
    if any(_promotes(version, past or ()) for past in pasts):
        return f"it was promoted to {environment.name}"
    ask(OpenRequests(snapshot.rev.repository))  # what isn't known of it is no "no"
    units += [Unit(each.name, ()) for each in read_together(ask, version.config, environment)]
    branches = for_each(units, lambda unit: read_branch(ask, snapshot, unit, version.config.author))
    if any(_promotes(version, branch.ours) for branch in branches):
        return f"it is proposed to {environment.name}"
    return None


def _named(ask: Ask, version: _Version, snapshot: Snapshot, manifest: Manifest, question: Landed) -> str | None:
    environment, path = snapshot.environment.name, manifest.file.path
    landings = ask.maybe(question) or ()
    for landing in landings:
        if landing.content is not None and _names(version, snapshot, manifest, landing.content):
            return f"{environment} has named it, in {path} at {landing.commit[:12]}"
    if len(landings) == question.limit:
        return f"whether {environment} ever named it isn't known, as only {len(landings)} changes of {path} are read"
    return None


def _manifests(version: _Version, snapshot: Snapshot) -> Iterator[Manifest]:
    """Those of the service, and those that it would have where they are gone by now."""
    environment = snapshot.environment
    there = snapshot.manifests.get(version.service, ())
    yield from there
    values = {"service": version.config.name_of(version.service, environment.name)}
    for slot, pattern in enumerate(environment.patterns):
        if pattern.certain and pattern.placeholders == ("service",):
            path = pattern.fill(values)
            if path not in {manifest.file.path for manifest in there}:
                yield manifest_of(environment, slot, File(path, "100644", b""), values)


def _names(version: _Version, snapshot: Snapshot, manifest: Manifest, content: bytes) -> bool:
    """Whether a manifest's content names it by any of its tags; of what can't be read, any mention will do."""
    environment = snapshot.environment
    tags = version.tags.get(environment.name, {version.image.tag or ""})
    try:
        fields = replace(manifest, file=replace(manifest.file, content=content)).fields
    except Refusal:
        return any(tag.encode() in content for tag in tags)
    return any(
        image.tag in tags
        and (image.name == version.image.name or version.config.moving_path(environment.name, image) is not None)
        for image in (field.image for field in fields)
        if image is not None
    )


def _promotes(version: _Version, commits: Iterable[Commit]) -> bool:
    sources = (text.partition(" ")[2] for commit in commits for text in commit.trailer(PROMOTED_FROM))
    return str(version.image) in sources
