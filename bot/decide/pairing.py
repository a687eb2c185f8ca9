"""Which image of the target an image of the source becomes: by its place, then by its repository path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from bot.config import Config, RegistryConfig, Settings
from bot.decide.bases import Base, Inherited, is_kustomization, read_base
from bot.decide.branch import open_request, pin_branch
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask, NotKnown, Outside, Refusal, for_each
from bot.decide.orders import Orders
from bot.decide.pinnable import missing_images
from bot.images import ImageRef
from bot.manifests import ImageField

# So many images are named of what there is.
_FEW = 3

Named: TypeAlias = tuple[Manifest, ImageField, ImageRef]


@dataclass(frozen=True)
class Hop:
    """One service on its way from what one environment says to what the next one says."""

    config: Config
    source: Snapshot
    target: Snapshot
    service: str
    orders: Orders = field(default_factory=Orders)

    @cached_property
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

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every image that moves, with its place in the target; see `paired`."""
        return tuple(_pairs(self))

    def source_path(self, image: ImageRef) -> str | None:
        """The path of an image in the source's registry, None where it lives elsewhere or doesn't move."""
        return self.config.moving_path(self.source.environment.name, image)

    def mapped_path(self, image: ImageRef) -> str | None:
        """What an image of the source is called in the target's registry; None where it doesn't move."""
        path = self.source_path(image)
        return None if path is None else self.target.environment.mapped(path)

    def target_path(self, named: Named) -> str | None:
        """The path of a target's image in its registry, None where it lives elsewhere.

        Before a first promotion, and in a copy of the source's manifest, it may still name the source's registry.
        """
        manifest, _, image = named
        own = None if manifest.copied else self.config.path_in(self.target.environment.registry, image)
        return own if own is not None else self.mapped_path(image)


@dataclass(frozen=True)
class Pair:
    """An image of the source, and the one of the target that it becomes."""

    source: Named
    target: Named


def paired(ask: Ask, hop: Hop) -> tuple[Pair, ...]:
    """Every image of the service that moves, with its place in the target.

    Raises Refusal where one has none; to say why, what the target is made from may be asked for.
    """
    try:
        return hop.pairs
    except _Unpaired as error:
        raise _no_partner(ask, hop, error) from None


def paired_documents(ask: Ask, hop: Hop) -> Iterator[tuple[tuple[Manifest, int], tuple[Manifest, int]]]:
    """The document of the source and that of the target that name the same image, each pair once."""
    yield from dict.fromkeys((_document(pair.source), _document(pair.target)) for pair in paired(ask, hop))


def _document(named: Named) -> tuple[Manifest, int]:
    return named[0], named[1].document


class _Unpaired(Exception):  # noqa: N818  not an error: the reason is still to be found
    """An image of the source has no place in the target, or (`twice`) several."""

    def __init__(self, source: Named, *, twice: bool) -> None:
        super().__init__(source)
        self.source, self.twice = source, twice


def _pairs(hop: Hop) -> Iterator[Pair]:
    sources = [named for named in _named(hop.source, hop.service) if hop.source_path(named[2]) is not None]
    if not sources:
        raise _nothing_ours(hop)
    targets = [target for target in _named(hop.target, hop.service) if hop.target_path(target) is not None]
    partners: dict[int, Named] = {}
    # The surest first for all of them, so that no image takes the place of another.
    for rule in (_twin, _namesake, _neighbour):
        for index, source in enumerate(sources):
            partner = None if index in partners else rule(hop, source, targets)
            if partner is not None:
                targets.remove(partner)
                partners[index] = partner
    for index, source in enumerate(sources):
        if index not in partners:
            raise _Unpaired(source, twice=bool(_of_path(hop, source, targets)))
        yield Pair(source, partners[index])


def _nothing_ours(hop: Hop) -> Outside:
    paths = ", ".join(manifest.file.path for manifest in hop.source.manifests[hop.service])
    unread = "".join(f"; {path}:{field.line}: {field.gap}" for path, field in _unread(hop.source, hop.service))
    named = dict.fromkeys(image.name for _, _, image in _named(hop.source, hop.service))
    more = f" and {len(named) - _FEW} more" if len(named) > _FEW else ""
    others = f", but {', '.join(list(named)[:_FEW])}{more}" if named else ""
    environment = hop.source.environment
    keys = "`registry` or `images`" if environment.images else "`registry`"
    return Outside(
        f"{paths} in {environment.name} names no image to promote from {hop.source_registry.url}{others}{unread}",
        f"if it should, correct {keys} of environment {environment.name}",
    )


def _named(snapshot: Snapshot, service: str) -> Iterator[Named]:
    for manifest in snapshot.manifests[service]:
        for named in manifest.fields:
            if named.image is not None:
                yield manifest, named, named.image


def _unread(snapshot: Snapshot, service: str) -> Iterator[tuple[str, ImageField]]:
    for manifest in snapshot.manifests[service]:
        yield from ((manifest.file.path, field) for field in manifest.fields if field.image is None)


# --- the rules ------------------------------------------------------------------------------------------


def _twin(hop: Hop, source: Named, targets: Sequence[Named]) -> Named | None:
    """The target's field at the same place with the same repository path."""
    return next((target for target in _of_path(hop, source, targets) if _place(target) == _place(source)), None)


def _namesake(hop: Hop, source: Named, targets: Sequence[Named]) -> Named | None:
    """The only field of the target with the same repository path."""
    same_path = _of_path(hop, source, targets)
    return same_path[0] if len(same_path) == 1 else None


def _neighbour(hop: Hop, source: Named, targets: Sequence[Named]) -> Named | None:
    """The target's field at the same place, whose repository has another name there but no other image's."""
    others = {hop.mapped_path(image) for _, _, image in _named(hop.source, hop.service)}
    return next((t for t in targets if _place(t) == _place(source) and hop.target_path(t) not in others), None)


def _place(named: Named) -> tuple[int, int, str]:
    manifest, field, _ = named
    return manifest.slot, field.document, field.pointer


def _of_path(hop: Hop, source: Named, targets: Sequence[Named]) -> list[Named]:
    path = hop.mapped_path(source[2])
    return [target for target in targets if hop.target_path(target) == path]


# --- why there is none ----------------------------------------------------------------------------------


def _no_partner(ask: Ask, hop: Hop, unpaired: _Unpaired) -> Refusal:
    manifest, field, image = unpaired.source
    target = hop.target.environment.name
    runs = f"{hop.source.environment.name} runs {image}, but {hop.service} in {target}"
    pointer = f"{field.pointer} as in {manifest.file.path}"
    if unpaired.twice:
        return Refusal(f"{runs} names it more than once, at other places", f"write it at {pointer}")
    bases = _bases(ask, hop)
    for ours, base in zip(hop.target.manifests[hop.service], bases, strict=True):
        found = _in_base(hop, image, base.images)
        if found is not None:
            inherits = f"{runs} inherits its image from {found.place}, {found.image}"
            return Refusal(inherits, _remedy(ask, hop, ours, found))
    if stranger := _stranger(hop, image):
        theirs, named, other = stranger
        return Refusal(
            f"{runs} names {other} ({theirs.file.path}:{named.line}), which isn't from {hop.target_registry.url}",
            f"correct the image there, or `url` of registry {hop.target.environment.registry}",
        )
    where = hop.target.manifests[hop.service][0].file.path
    return Refusal(f"{runs} names no image for it{_looked(hop, bases)}", f"write the image in {where}, at {pointer}")


def _stranger(hop: Hop, image: ImageRef) -> Named | None:
    """What the target names the same image by, with a host that no registry has which comes into question."""
    path = hop.mapped_path(image)
    strangers = (named for named in _named(hop.target, hop.service) if hop.target_path(named) is None)
    return next((named for named in strangers if path and f"/{named[2].name}".endswith(f"/{path}")), None)


def _bases(ask: Ask, hop: Hop) -> tuple[Base, ...]:
    manifests = hop.target.manifests[hop.service]
    return for_each(manifests, lambda manifest: read_base(ask, hop.target.rev, manifest.file.path))


def _in_base(hop: Hop, image: ImageRef, found: Sequence[Inherited]) -> Inherited | None:
    """The same image where a base names it: by its path, else by the last word of it."""
    paths = {hop.source_path(image), hop.mapped_path(image)}
    word = image.repository.rpartition("/")[2]
    return next(
        (each for each in found if {each.image.repository, _any_path(hop, each.image)} & paths),
        next((each for each in found if each.image.repository.rpartition("/")[2] == word), None),
    )


def _any_path(hop: Hop, image: ImageRef) -> str | None:
    paths = (registry.path_of(image) for registry in (hop.target_registry, hop.source_registry))
    return next((path for path in paths if path is not None), None)


def _remedy(ask: Ask, hop: Hop, manifest: Manifest, found: Inherited) -> str:
    """By a pin where that would not be refused, and is not proposed already."""
    environment = hop.target.environment.name
    by_hand = f"write the image with its repository in {manifest.file.path}, so that {environment} has its own"
    if not is_kustomization(manifest.file.path):
        return by_hand
    try:
        pinned = {each.image for each in missing_images(ask, hop.config, hop.target, manifest)}
    except NotKnown:
        raise
    except Refusal as refusal:
        return refusal.blocked.remedy
    if found.image not in pinned:
        return by_hand
    if request := open_request(ask, hop.target, pin_branch(hop.target.environment, hop.service)):
        return f"merge !{request.number}, which writes it there"
    return f"`promobot pin {hop.service} --env {environment}` proposes to write it there"


def _looked(hop: Hop, bases: Sequence[Base]) -> str:
    """What was looked at in vain, and what couldn't be."""
    manifests = hop.target.manifests[hop.service]
    gaps = [f"{path}:{field.line}: {field.gap}" for path, field in _unread(hop.target, hop.service)]
    read = dict.fromkeys(
        [*(manifest.file.path for manifest in manifests), *(path for base in bases for path in base.read)]
    )
    elsewhere = dict.fromkeys(path for base in bases for path in base.elsewhere)
    unread = f"; not looked into: {', '.join(elsewhere)}" if elsewhere else ""
    return f" (looked into {', '.join(read)}{unread}{''.join(f'; {gap}' for gap in gaps)})"
