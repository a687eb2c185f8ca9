"""Which images move, under which proven digest, to which tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.config import Config, RegistryConfig, Settings
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask, Outside, Refusal
from bot.decide.tags import target_tag
from bot.decide.trailers import Record, records
from bot.errors import ExitCode
from bot.images import Digest, ImageRef
from bot.manifests import ImageField
from bot.promotion import FromEnvironment, Move, Proof
from bot.questions import Absent, History, Location, Question, TagDigest
from bot.repositories import Commit


@dataclass(frozen=True)
class Hop:
    """One service on its way from what one environment says to what the next one says."""

    config: Config
    source: Snapshot
    target: Snapshot
    service: str

    @property
    def settings(self) -> Settings:
        """How the service is promoted."""
        return self.config.settings(self.target.environment.name, self.service)

    @property
    def source_registry(self) -> RegistryConfig:
        """The registry that the source environment pulls from."""
        return self.config.registries[self.source.environment.registry]

    @property
    def target_registry(self) -> RegistryConfig:
        """The registry that the target environment pulls from."""
        return self.config.registries[self.target.environment.registry]

    def source_path(self, image: ImageRef) -> str | None:
        """The path of an image in the source's registry, None where it lives elsewhere."""
        return self.config.moving_path(self.source.environment.name, image)

    def target_path(self, image: ImageRef) -> str | None:
        """The path of an image in the target's registry, None where it lives elsewhere."""
        return self.config.path_in(self.target.environment.registry, image)


_Named: TypeAlias = tuple[Manifest, ImageField, ImageRef]


@dataclass(frozen=True)
class _Pair:
    source: _Named
    target: _Named


def find_moves(ask: Ask, hop: Hop, claim: tuple[Commit, ...]) -> tuple[Move, ...]:
    """Every image of the service that moves. `claim` holds our commits on the promotion's branch, newest first.

    Raises Refusal where one of them can't move; a service's images move together or not at all.
    """
    claimed = records(claim)
    moves = tuple(_move(ask, hop, pair, claimed) for pair in _pairs(hop))
    _refuse_two_for_one_tag(moves)
    return moves


def paired_documents(hop: Hop) -> Iterator[tuple[tuple[Manifest, int], tuple[Manifest, int]]]:
    """The document of the source and that of the target that name the same image, each pair once."""
    yield from dict.fromkeys((_document(pair.source), _document(pair.target)) for pair in _pairs(hop))


def _document(named: _Named) -> tuple[Manifest, int]:
    return named[0], named[1].document


def hop_questions(hop: Hop) -> Iterator[Question[Any]]:
    """What `find_moves` will ask, so that it can be answered in one round. Raises Refusal as `find_moves` does."""
    for pair in _pairs(hop):
        yield from _questions(hop, pair)


def _pairs(hop: Hop) -> Iterator[_Pair]:
    sources = list(_ours(hop, hop.source))
    if not sources:
        paths = ", ".join(manifest.file.path for manifest in hop.source.manifests[hop.service])
        unread = "".join(f"; {path}:{field.line}: {field.gap}" for path, field in _unread(hop.source, hop.service))
        raise Outside(
            f"{paths} in {hop.source.environment.name} names no image from {hop.source_registry.url}{unread}",
            f"check `registry` of environment {hop.source.environment.name}",
        )
    targets = [target for target in _named(hop.target, hop.service) if _path(hop, target[2]) is not None]
    partners: dict[int, _Named] = {}
    # The surest first for all of them, so that no image takes the place of another.
    for rule in (_twin, _namesake, _neighbour):
        for index, source in enumerate(sources):
            partner = None if index in partners else rule(hop, source, targets)
            if partner is not None:
                targets.remove(partner)
                partners[index] = partner
    for index, source in enumerate(sources):
        if index not in partners:
            raise _no_partner(hop, source, targets)
        yield _Pair(source, partners[index])


def _ours(hop: Hop, snapshot: Snapshot) -> Iterator[_Named]:
    for manifest, field, image in _named(snapshot, hop.service):
        if hop.config.moving_path(snapshot.environment.name, image) is not None:
            yield manifest, field, image


def _named(snapshot: Snapshot, service: str) -> Iterator[_Named]:
    for manifest in snapshot.manifests[service]:
        for field in manifest.fields:
            if field.image is not None:
                yield manifest, field, field.image


def _unread(snapshot: Snapshot, service: str) -> Iterator[tuple[str, ImageField]]:
    for manifest in snapshot.manifests[service]:
        yield from ((manifest.file.path, field) for field in manifest.fields if field.image is None)


def _twin(hop: Hop, source: _Named, targets: Sequence[_Named]) -> _Named | None:
    """The target's field at the same place with the same repository path."""
    path = hop.source_path(source[2])
    return next((t for t in targets if _place(t) == _place(source) and _path(hop, t[2]) == path), None)


def _namesake(hop: Hop, source: _Named, targets: Sequence[_Named]) -> _Named | None:
    """The only field of the target with the same repository path."""
    same_path = _of_path(hop, source, targets)
    return same_path[0] if len(same_path) == 1 else None


def _neighbour(hop: Hop, source: _Named, targets: Sequence[_Named]) -> _Named | None:
    """The target's field at the same place, whose repository has another name there but no other image's."""
    others = {hop.source_path(image) for _, _, image in _ours(hop, hop.source)}
    return next((t for t in targets if _place(t) == _place(source) and _path(hop, t[2]) not in others), None)


def _place(named: _Named) -> tuple[int, int, str]:
    manifest, field, _ = named
    return manifest.slot, field.document, field.pointer


def _of_path(hop: Hop, source: _Named, targets: Sequence[_Named]) -> list[_Named]:
    path = hop.source_path(source[2])
    return [target for target in targets if _path(hop, target[2]) == path]


def _no_partner(hop: Hop, source: _Named, targets: Sequence[_Named]) -> Refusal:
    _, field, image = source
    reason = "names it more than once" if _of_path(hop, source, targets) else "names no image for it"
    return Refusal(
        f"{hop.source.environment.name} runs {image}, but {hop.service} in {hop.target.environment.name} {reason}",
        f"write the image at {field.pointer} of the target's manifest; one inherited from a base can't be promoted",
    )


def _path(hop: Hop, image: ImageRef) -> str | None:
    """The repository path of a target's image, which may still name the source's registry."""
    path = hop.target_path(image)
    return path if path is not None else hop.source_path(image)


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
        tag = target_tag(hop.settings.tag, image.tag)
    except ValueError as error:
        raise Refusal(
            str(error), f"release it under another tag, or change `tag` of environment {hop.target.environment.name}"
        ) from None
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
        origin=FromEnvironment(hop.source.environment.name, commit, image, pair.source[0].file.path),
        source=Location(hop.source.environment.registry, image.repository),
        digest=digest,
        proof=proof,
        destination=Location(hop.target.environment.registry, destination.repository),
        tag=destination.tag or "",
        before=before,
        after=_written(hop, before, destination, digest),
    )


def _written(hop: Hop, before: ImageRef, destination: ImageRef, digest: Digest) -> ImageRef:
    """What the target's manifest shall say of the image: its tag, its digest, or both."""
    match hop.settings.write:
        case "as-found" if before.digest:
            return destination.at(destination.tag if before.tag else None, digest)
        case "tag+digest":
            return destination.at(destination.tag, digest)
        case "digest":
            return destination.at(None, digest)
        case _:
            return destination


def _refuse_two_for_one_tag(moves: Iterable[Move]) -> None:
    first: dict[tuple[Location, str], Move] = {}
    for move in moves:
        other = first.setdefault((move.destination, move.tag), move)
        if other.digest != move.digest:
            raise Refusal(
                f"{other.origin.image} ({other.digest.short}) and {move.origin.image} ({move.digest.short}) "
                f"would both become {move.after.at(move.tag, None)}",
                f"let {move.origin.environment} run one version of it, or let `tag` keep the two apart",
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
