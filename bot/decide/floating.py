"""Floating tags: they follow what an environment's branch names, whoever merged it, and versions only go forward."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from bot.config import Config
from bot.decide.environments import Snapshot, unchanged
from bot.decide.facts import Ask, Refusal, Unanswered, for_each
from bot.decide.trailers import Record, records
from bot.images import Digest, ImageRef, is_tag
from bot.plan import MoveTag, Step, Upkeep
from bot.promotion import Unit
from bot.questions import Absent, History, Holds, Location, Question, TagDigest, Tags
from bot.repositories import Rev
from bot.versions import newest_first, order

# Without build metadata, pre-release or architecture: a tag for all of a version's kin leads to the release itself.
_RELEASE = re.compile(r"(?P<v>v?)(?P<major>[0-9]+)\.(?P<minor>[0-9]+)\.(?P<patch>[0-9]+)")
# Of the versions that a tag may lead to, as many of the newest as are asked for their digests.
_MOST = 20


@dataclass(frozen=True)
class _Declared:
    """An image that the branch names, which the floating tag `tag` shall lead to; `template` made that tag."""

    service: str
    path: str
    image: ImageRef
    location: Location
    template: str
    tag: str

    @property
    def place(self) -> tuple[Location, str]:
        return self.location, self.tag

    @property
    def is_version(self) -> bool:
        return self.tag != self.template


_Following: TypeAlias = tuple[_Declared, MoveTag]


def follow_branch(
    ask: Ask, config: Config, snapshot: Snapshot, services: Set[str], named: Mapping[tuple[Location, str], str]
) -> Iterator[Upkeep]:
    """What moves these services' floating tags. `named` has the tags that a manifest names, with its path.

    Raises Unanswered.
    """
    questions: list[Question[object]] = []
    moves: dict[str, list[_Following]] = {}
    for rivals in _by_place(config, snapshot):
        if services.isdisjoint(one.service for one in rivals):
            continue
        service = rivals[0].service
        try:
            moves.setdefault(service, []).extend(_moves(ask, snapshot, rivals, named))
        except Unanswered as need:
            questions += need.questions
        except Refusal as refusal:
            yield Upkeep(Unit(service, (service,)), snapshot.environment.name, blocked=refusal.blocked)
    if questions:
        raise Unanswered(questions)
    steps = (_step(snapshot, service, found) for service, found in moves.items() if found)
    yield from (Upkeep(step.unit, snapshot.environment.name, step) for step in steps)


def _by_place(config: Config, snapshot: Snapshot) -> Iterable[Sequence[_Declared]]:
    """All that one tag may follow, for each tag."""
    wanted: dict[tuple[Location, str], list[_Declared]] = {}
    for service in snapshot.manifests:
        for declared in _declared(config, snapshot, service):
            wanted.setdefault(declared.place, []).append(declared)
    return wanted.values()


def named_tags(config: Config, snapshots: Sequence[Snapshot]) -> Mapping[tuple[Location, str], str]:
    """Every tag that a manifest names, with the manifest's path: to move one changes what somebody runs.

    By every name that the configuration has for the registry.
    """
    return {
        (Location(registry, image.repository), image.tag): path
        for snapshot in snapshots
        for registry in config.same_registry(snapshot.environment.registry)
        for service in snapshot.manifests
        for path, image in _images(config, snapshot, service)
        if image.tag is not None
    }


def _images(config: Config, snapshot: Snapshot, service: str) -> Iterator[tuple[str, ImageRef]]:
    """The service's images that are ours. What can't be read names none: its service's own verdict says why."""
    for manifest in snapshot.manifests[service]:
        try:
            fields = manifest.fields
        except Refusal:
            continue
        for field in fields:
            if field.image is not None and config.moving_path(snapshot.environment.name, field.image) is not None:
                yield manifest.file.path, field.image


def _declared(config: Config, snapshot: Snapshot, service: str) -> Iterator[_Declared]:
    environment = snapshot.environment
    templates = config.settings(environment.name, service).floating_tags
    for path, image in _images(config, snapshot, service) if templates else ():
        for template in templates:
            tag = _fill(template, image.tag)
            if tag is not None:
                location = Location(environment.registry, image.repository)
                yield _Declared(service, path, image, location, template, tag)


def _fill(template: str, tag: str | None) -> str | None:
    """The floating tag; None where it doesn't follow such a tag: pre-releases and other names move no version."""
    if "{" not in template:
        return template
    release = _RELEASE.fullmatch(tag or "")
    if release is None:
        return None
    filled = template.format_map(release.groupdict())
    return filled if is_tag(filled) else None


def _refuse_named(environment: str, declared: _Declared, named: Mapping[tuple[Location, str], str]) -> None:
    path = named.get(declared.place)
    if path is not None:
        raise Refusal(
            f"floating tag {declared.tag} of {declared.image.name} isn't moved: {path} names it, and would run another "
            "image without a merge request",
            f'name a version in {path}, or remove "{declared.template}" from `floating_tags` of {environment}',
        )


def _moves(
    ask: Ask, snapshot: Snapshot, rivals: Sequence[_Declared], named: Mapping[tuple[Location, str], str]
) -> Iterator[_Following]:
    """The move of one tag, and which of the images it follows; none where it is in its place, or ahead."""
    _refuse_named(snapshot.environment.name, rivals[0], named)
    location, tag = rivals[0].place
    ask.together(TagDigest(location, tag), *(History(snapshot.rev, one.path) for one in rivals))
    leads_to = ask.maybe(TagDigest(location, tag))
    digests = for_each(rivals, lambda one: _proven(ask, snapshot.rev, one))
    found = [(one, digest) for one, digest in zip(rivals, digests, strict=True) if digest is not None]
    if not found:
        return
    declared, digest = _leading(found)
    if digest == leads_to or isinstance(ask(Holds(location, digest)), Absent):
        return
    if not declared.is_version or leads_to is None or _is_forward(ask, snapshot.rev, declared, leads_to):
        yield declared, MoveTag(location, tag, leads_to, digest)


def _leading(found: Sequence[tuple[_Declared, Digest]]) -> tuple[_Declared, Digest]:
    """Of several, the highest version; a name can't follow two."""
    first, digest = found[0]
    if first.is_version:
        return max(found, key=lambda pair: order(pair[0].image.tag or ""))
    for other, its_digest in found[1:]:
        if its_digest != digest:
            raise Refusal(
                f"floating tag {first.tag} can't follow both {first.image} ({first.path}) and {other.image} "
                f"({other.path})",
                f"name the same version in both, or remove {first.tag} from `floating_tags` of {first.service} or "
                f"{other.service}",
            )
    return first, digest


def _proven(ask: Ask, rev: Rev, declared: _Declared) -> Digest | None:
    """The digest that the branch declares: named, or recorded when it was promoted, or its version tag's own."""
    image = declared.image
    if image.digest is not None or image.tag is None:
        return image.digest
    record = _records(ask, rev, declared).get(image)
    if record is not None:
        return record.digest
    return ask.maybe(TagDigest(declared.location, image.tag))


def _records(ask: Ask, rev: Rev, declared: _Declared) -> dict[ImageRef, Record]:
    return records(ask.maybe(History(rev, declared.path)) or ())


def _is_forward(ask: Ask, rev: Rev, declared: _Declared, leads_to: Digest) -> bool:
    """Whether the declared version is no lower than the one that the tag leads to. Raises Refusal if nobody knows."""
    version = _version_of(ask, rev, declared, leads_to)
    if version is None:
        raise Refusal(
            f"floating tag {declared.tag} of {declared.image.name} points to {leads_to.short}, and which version that "
            f"is isn't known, so {declared.image.tag} may be older",
            f"if {declared.image.tag} is newer, delete tag {declared.tag} in registry {declared.location.registry}: "
            "the next run sets it",
        )
    return order(declared.image.tag or "") >= order(version)


def _version_of(ask: Ask, rev: Rev, declared: _Declared, leads_to: Digest) -> str | None:
    """The version tag of a digest: as recorded, else as one of the versions that the floating tag may lead to says."""
    name = declared.image.name
    recorded = (image for image, record in _records(ask, rev, declared).items() if record.digest == leads_to)
    known = [image.tag for image in recorded if image.tag and image.name == name and _fits(declared, image.tag)]
    if known:
        return max(known, key=order)
    listed = ask.maybe(Tags(declared.location)) or ()
    likely = newest_first(tag for tag in listed if _fits(declared, tag))[:_MOST]
    ask.together(*(TagDigest(declared.location, tag) for tag in likely))
    return next((tag for tag in likely if ask.maybe(TagDigest(declared.location, tag)) == leads_to), None)


def _fits(declared: _Declared, version: str) -> bool:
    return _fill(declared.template, version) == declared.tag


def _step(snapshot: Snapshot, service: str, moves: Sequence[_Following]) -> Step:
    environment = snapshot.environment
    return Step(
        unit=Unit(service, (service,)),
        target=environment.name,
        repository=snapshot.rev.repository,
        branch=environment.repository.branch,
        head=snapshot.rev.commit,
        guards=(unchanged(snapshot, (declared.path for declared, _ in moves)),),
        actions=tuple(move for _, move in moves),
    )
