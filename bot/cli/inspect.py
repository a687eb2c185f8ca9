"""`promobot inspect`: what an image is, and where else in the chain it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from bot.catalog import WORKERS, Found, Holder, Listing, find_digest, home_of, list_tags, of_image
from bot.cli.call import Call
from bot.cli.inspectviews import Inspected, inspected_data, show_inspected
from bot.cli.reference import parse_reference, world_if_any
from bot.cli.tags import near_tags
from bot.errors import ExitCode, RegistryError
from bot.images import DOCKER_HUB, Digest, ImageRef
from bot.reconcile import worst
from bot.registries import Registries
from bot.registry import ImageRepository, Manifest, inspect
from bot.world import World


class _Where(NamedTuple):
    """An image with everything said that Docker takes for granted, who may hold it, and who else may."""

    image: ImageRef
    holder: Holder
    others: tuple[Holder, ...]
    registries: Registries

    @property
    def repository(self) -> ImageRepository:
        """The holder's, to be read. Raises ConfigError where its login is missing."""
        return self.holder.open(self.registries)

    @property
    def reference(self) -> str:
        """What to ask it for: by the digest where the image says one."""
        return self.image.digest.text if self.image.digest else self.image.tag or ""


def main(call: Call) -> ExitCode:
    """Read the image, look where else it is, print."""
    image = parse_reference(call.args.image)
    world = world_if_any(call)
    with _hub_explained(image, world):
        where, manifest = _find(image, _places(world, world.registries if world else call.registries(), image))
        with where.holder.blamed():
            inspection = inspect(where.repository, manifest, workers=WORKERS)
    elsewhere = _elsewhere(where, manifest.digest)
    inspected = Inspected(where.image, where.holder, inspection, elsewhere, _tag_leads_to(where))
    if call.json:
        call.print_json(inspected_data(inspected))
    else:
        show_inspected(call, inspected)
    return worst(found.error.exit_code for found in elsewhere if found.error)


@contextmanager
def _hub_explained(image: ImageRef, world: World | None) -> Iterator[None]:
    """Where neither a host was given nor registries are configured, a failure says why it is one of Docker Hub's."""
    try:
        yield
    except RegistryError as error:
        if image.registry or world:
            raise
        raise RegistryError(error.message, hint=f"{error.hint}; without a host, it is one of docker.io") from error


def _places(world: World | None, registries: Registries, image: ImageRef) -> list[_Where]:
    """Where the image may be: without a host at any registry of the chain, in its order, else at its host alone."""
    whole = image.as_docker_reads_it()
    if world is not None and image.registry is None:
        chain = of_image(world.config, image)
        named = ((one, _whole_name(world, one)) for one in chain)
        return [_Where(name.at(whole.tag, whole.digest), holder, chain, registries) for holder, name in named]
    home = home_of(world.config, whole) if world else None
    others = of_image(world.config, whole if home else ImageRef(None, whole.repository)) if world else ()
    holder = home or Holder(whole.registry or "", whole.repository, configured=False)
    return [_Where(whole, holder, others, registries)]


def _whole_name(world: World, holder: Holder) -> ImageRef:
    """Of a configured one, whether the image was named with the registry's prefix or without."""
    return ImageRef(world.config.registries[holder.registry].host, holder.repository)


def _find(image: ImageRef, places: Sequence[_Where]) -> tuple[_Where, Manifest]:
    """The first place that has the image, and its manifest. Not to know it of a place is not "no", and is raised."""
    for where in places:
        with where.holder.blamed():
            manifest = where.repository.registry.manifest(where.repository.path, where.reference)
        if manifest is not None:
            return where, manifest
    listings = list_tags(places[0].registries, [where.holder for where in places])
    names = " and ".join(str(where.repository.place(where.reference)) for where in places)
    raise RegistryError(f"{names}: {_missing(image, listings)}", hint=_hint(image, places[0], listings))


def _missing(image: ImageRef, listings: Sequence[Listing]) -> str:
    if all(listing.tags is None and listing.error is None for listing in listings):
        return "no such repository"
    return "no such digest" if image.digest else "no such tag"


def _hint(image: ImageRef, where: _Where, listings: Sequence[Listing]) -> str:
    if all(listing.tags is None for listing in listings):
        return f"check its spelling{_guess(image, where)}"
    if where.image.tag is None:
        return "was it deleted? `promobot tags` lists what is there"
    return f"near it: {', '.join(near_tags(where.image.tag, listings)) or 'no tags at all'}"


def _guess(image: ImageRef, where: _Where) -> str:
    """Where a repository may be that is not where it was looked for."""
    if where.holder.configured:
        return "" if image.registry else f"; from Docker Hub it would be {DOCKER_HUB}/{image.repository}"
    return next((f"; did you mean {one.registry}'s {one.repository}?" for one in where.others), "")


def _elsewhere(where: _Where, digest: Digest) -> Sequence[Found]:
    """Everywhere in the chain, the image's own repository included: other tags may lead to it there."""
    holders = list(where.others)
    if where.holder.configured and not any(_same(where.holder, holder) for holder in holders):
        holders.insert(0, where.holder)
    return find_digest(where.registries, holders, digest, where.image.tag)


def _same(one: Holder, other: Holder) -> bool:
    return (one.registry, one.repository) == (other.registry, other.repository)


def _tag_leads_to(where: _Where) -> Digest | None:
    """Where the tag of a reference with tag and digest leads now; None where it is gone, or one is left out."""
    if where.image.tag is None or where.image.digest is None:
        return None
    return where.repository.registry.digest(where.repository.path, where.image.tag)
