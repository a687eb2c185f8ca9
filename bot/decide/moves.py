"""Which images move, under which proven digest, to which tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.config import Config, RegistryConfig
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask, Outside, Refusal
from bot.decide.tags import target_tag
from bot.decide.trailers import Record, records
from bot.errors import ExitCode
from bot.images import Digest, ImageRef
from bot.manifests import ImageField
from bot.promotion import Absent, Commit, FromEnvironment, History, Location, Move, Proof, Question, TagDigest


@dataclass(frozen=True)
class Hop:
    """One service on its way from what one environment says to what the next one says."""

    config: Config
    source: Snapshot
    target: Snapshot
    service: str

    @property
    def source_registry(self) -> RegistryConfig:
        """The registry that the source environment pulls from."""
        return self.config.registries[self.source.environment.registry]

    @property
    def target_registry(self) -> RegistryConfig:
        """The registry that the target environment pulls from."""
        return self.config.registries[self.target.environment.registry]


@dataclass(frozen=True)
class _Pair:
    source: tuple[Manifest, ImageField, ImageRef]
    target: tuple[Manifest, ImageField, ImageRef]


def find_moves(ask: Ask, hop: Hop, claim: tuple[Commit, ...]) -> tuple[Move, ...]:
    """Every image of the service that moves. `claim` holds our commits on the promotion's branch, newest first.

    Raises Refusal where one of them can't move; a service's images move together or not at all.
    """
    claimed = records(claim)
    return tuple(_move(ask, hop, pair, claimed) for pair in _pairs(hop))


def hop_questions(hop: Hop) -> Iterator[Question[Any]]:
    """What `find_moves` will ask, so that it can be answered in one round. Raises Refusal as `find_moves` does."""
    for pair in _pairs(hop):
        yield from _questions(hop, pair)


def _pairs(hop: Hop) -> Iterator[_Pair]:
    sources = list(_ours(hop, hop.source))
    if not sources:
        paths = ", ".join(manifest.file.path for manifest in hop.source.manifests[hop.service])
        raise Outside(
            f"{paths} in {hop.source.environment.name} names no image from {hop.source_registry.url}",
            f"check `registry` of environment {hop.source.environment.name}",
        )
    targets = list(_named(hop.target, hop.service))
    for source in sources:
        target = _partner(hop, source, targets)
        targets.remove(target)
        yield _Pair(source, target)


def _ours(hop: Hop, snapshot: Snapshot) -> Iterator[tuple[Manifest, ImageField, ImageRef]]:
    registry = hop.config.registries[snapshot.environment.registry]
    for manifest, field, image in _named(snapshot, hop.service):
        if registry.path_of(image) is not None:
            yield manifest, field, image


def _named(snapshot: Snapshot, service: str) -> Iterator[tuple[Manifest, ImageField, ImageRef]]:
    for manifest in snapshot.manifests[service]:
        for field in manifest.fields:
            if field.image is not None:
                yield manifest, field, field.image


def _partner(
    hop: Hop,
    source: tuple[Manifest, ImageField, ImageRef],
    targets: list[tuple[Manifest, ImageField, ImageRef]],
) -> tuple[Manifest, ImageField, ImageRef]:
    """The field of the target that stands for the source's: at the same place, else of the same repository path."""
    manifest, field, image = source
    movable = [target for target in targets if _path(hop, target[2]) is not None]
    for target in movable:
        if (target[0].slot, target[1].document, target[1].pointer) == (manifest.slot, field.document, field.pointer):
            return target
    same_path = [target for target in movable if _path(hop, target[2]) == hop.source_registry.path_of(image)]
    if len(same_path) == 1:
        return same_path[0]
    reason = "names no image for it" if not same_path else "names it more than once"
    raise Refusal(
        f"{hop.source.environment.name} runs {image}, but {hop.service} in {hop.target.environment.name} {reason}",
        f"write the image at {field.pointer} of the target's manifest; one inherited from a base can't be promoted",
    )


def _path(hop: Hop, image: ImageRef) -> str | None:
    """The repository path of a target's image, which may still name the source's registry."""
    path = hop.target_registry.path_of(image)
    return path if path is not None else hop.source_registry.path_of(image)


def _destination(hop: Hop, pair: _Pair) -> ImageRef:
    """The target's own repository path in the target's registry, under the target's tag for this version."""
    manifest, field, before = pair.target
    image = pair.source[2]
    path = _path(hop, before)
    assert path is not None, "pairs hold movable targets only"  # noqa: S101  narrows the type
    if image.tag is None:
        raise Refusal(
            f"{pair.source[0].file.path}:{pair.source[1].line}: {image} has no tag to name the copy by",
            "write the tag beside the digest",
        )
    if field.refusal:
        raise Refusal(f"{manifest.file.path}:{field.line}: {field.refusal}", "edit it by hand", ExitCode.MANIFEST)
    try:
        tag = target_tag(hop.target.environment.tag, image.tag)
    except ValueError as error:
        raise Refusal(str(error), f"see `tag` of environment {hop.target.environment.name}") from None
    return hop.target_registry.image(path).at(tag, None)


def _questions(hop: Hop, pair: _Pair) -> Iterator[History | TagDigest]:
    manifest, _, image = pair.source
    yield History(hop.source.rev, manifest.file.path)
    if image.tag is not None:
        yield TagDigest(Location(hop.source.environment.registry, image.repository), image.tag)
    destination = _destination(hop, pair)
    yield TagDigest(Location(hop.target.environment.registry, destination.repository), destination.tag or "")


def _move(ask: Ask, hop: Hop, pair: _Pair, claimed: Mapping[ImageRef, Record]) -> Move:
    manifest, field, before = pair.target
    image = pair.source[2]
    destination = _destination(hop, pair)
    claim = claimed.get(destination)
    if claim is not None and claim.source != image.at(image.tag, None):
        claim = None
    digest, proof = _prove(ask, hop, pair, claim)
    commit = claim.commit if claim is not None and claim.digest == digest else _last_change(ask, hop, pair)
    return Move(
        service=hop.service,
        path=manifest.file.path,
        pointer=f"{field.document}:{field.pointer}",
        line=field.line,
        origin=FromEnvironment(hop.source.environment.name, commit, image),
        source=Location(hop.source.environment.registry, image.repository),
        digest=digest,
        proof=proof,
        destination=Location(hop.target.environment.registry, destination.repository),
        tag=destination.tag or "",
        before=before,
        after=destination.at(destination.tag, digest if before.digest else None),
    )


def _prove(ask: Ask, hop: Hop, pair: _Pair, claim: Record | None) -> tuple[Digest, Proof]:
    """The digest that the source environment runs, and how that is known (promise 1 of docs/architecture.md)."""
    manifest, _, image = pair.source
    if image.digest is not None:
        return image.digest, Proof.MANIFEST
    location = Location(hop.source.environment.registry, image.repository)
    now = ask(TagDigest(location, image.tag or ""))
    history = ask(History(hop.source.rev, manifest.file.path))
    promoted = records(history.value if not isinstance(history, Absent) else ())
    record = promoted.get(image)
    if record is not None:
        if not isinstance(now, Absent) and now.value != record.digest:
            raise Refusal(
                f"{image} was promoted as {record.digest.short} and its tag now points to {now.value.short}: drift",
                "find out who moved the tag; put it back, or promote a new version",
            )
        return record.digest, Proof.RECORD
    if claim is not None:
        _must_be_borne_out(ask, hop, pair, claim, None if isinstance(now, Absent) else now.value)
        return claim.digest, Proof.REGISTRY
    if isinstance(now, Absent):
        raise Refusal(
            f"{image} is not in registry {location.registry}, though {hop.source.environment.name} names it",
            "push the image, or correct the manifest",
        )
    return now.value, Proof.REGISTRY


def _must_be_borne_out(ask: Ask, hop: Hop, pair: _Pair, claim: Record, now: Digest | None) -> None:
    """Refuse a claim that neither registry confirms: whoever may push a branch can write one, for any digest."""
    destination = _destination(hop, pair)
    copied = ask(TagDigest(Location(hop.target.environment.registry, destination.repository), destination.tag or ""))
    if claim.digest == now or not isinstance(copied, Absent):
        return
    raise Refusal(
        f"the promotion's branch says that {pair.source[2]} was {claim.digest.short}, but it is now "
        f"{now.short if now else 'absent'} and nothing is copied yet: the tag moved, or somebody else wrote the commit",
        "look at who pushed the branch, then delete it: the tag will be resolved again",
    )


def _last_change(ask: Ask, hop: Hop, pair: _Pair) -> str:
    """The commit that last changed the source's manifest: unlike the branch's head, it says the same tomorrow."""
    history = ask(History(hop.source.rev, pair.source[0].file.path))
    commits = history.value if not isinstance(history, Absent) else ()
    return commits[0].sha if commits else hop.source.rev.commit
