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
from bot.config import Config
from bot.errors import ExitCode, RegistryError
from bot.images import Digest, ImageRef
from bot.reconcile import worst
from bot.registries import Registries
from bot.registry import ImageRepository, Manifest, inspect


class _Where(NamedTuple):
    """An image with everything said that Docker takes for granted, who holds it, and who else may."""

    image: ImageRef
    holder: Holder
    others: tuple[Holder, ...]
    registries: Registries


def main(call: Call) -> ExitCode:
    """Read the image, look where else it is, print."""
    image = parse_reference(call.args.image)
    where = _where(call, image)
    repository = where.holder.open(where.registries)
    with _hub_explained(image), where.holder.blamed():
        manifest = _read(where, repository)
        inspection = inspect(repository, manifest, workers=WORKERS) if manifest else None
        if manifest is None or inspection is None:
            raise _absent(where, repository)
    elsewhere = _elsewhere(where, manifest.digest)
    inspected = Inspected(where.image, where.holder, inspection, elsewhere, _tag_leads_to(where.image, repository))
    if call.json:
        call.print_json(inspected_data(inspected))
    else:
        show_inspected(call, inspected)
    return worst(found.error.exit_code for found in elsewhere if found.error)


@contextmanager
def _hub_explained(image: ImageRef) -> Iterator[None]:
    """Where no host was given, a failure says why it is one of Docker Hub's."""
    try:
        yield
    except RegistryError as error:
        if image.registry:
            raise
        raise RegistryError(error.message, hint=f"{error.hint}; without a host, it is one of docker.io") from error


def _where(call: Call, image: ImageRef) -> _Where:
    image = image.as_docker_reads_it()
    world = world_if_any(call)
    if world is None:
        return _Where(image, _anonymous(image), (), call.registries())
    home = home_of(world.config, image)
    others = of_image(world.config, image) if home else _at_the_same_path(world.config, image)
    return _Where(image, home or _anonymous(image), others, world.registries)


def _anonymous(image: ImageRef) -> Holder:
    return Holder(image.registry or "", image.repository, configured=False)


def _at_the_same_path(config: Config, image: ImageRef) -> tuple[Holder, ...]:
    return of_image(config, ImageRef(None, image.repository))


def _read(where: _Where, repository: ImageRepository) -> Manifest | None:
    """The image's manifest; by its digest where the reference says one."""
    return repository.registry.manifest(repository.path, _reference(where.image))


def _reference(image: ImageRef) -> str:
    return image.digest.text if image.digest else image.tag or ""


def _absent(where: _Where, repository: ImageRepository) -> RegistryError:
    (listing,) = list_tags(where.registries, [where.holder])
    place = repository.place(_reference(where.image))
    return RegistryError(f"{place}: {_missing(where.image, listing)}", hint=_hint(where, listing))


def _missing(image: ImageRef, listing: Listing) -> str:
    if listing.tags is None and listing.error is None:
        return "no such repository"
    return "no such digest" if image.digest else "no such tag"


def _hint(where: _Where, listing: Listing) -> str:
    if listing.tags is None:
        guess = next((f"; did you mean {holder.registry}'s {holder.repository}?" for holder in where.others), "")
        return f"check its spelling{guess if not where.holder.configured else ''}"
    if where.image.tag is None:
        return "was it deleted? `promobot tags` lists what is there"
    return f"near it: {', '.join(near_tags(where.image.tag, [listing])) or 'no tags at all'}"


def _elsewhere(where: _Where, digest: Digest) -> Sequence[Found]:
    """Everywhere in the chain, the image's own repository included: other tags may lead to it there."""
    holders = list(where.others)
    if where.holder.configured and not any(_same(where.holder, holder) for holder in holders):
        holders.insert(0, where.holder)
    return find_digest(where.registries, holders, digest, where.image.tag)


def _same(one: Holder, other: Holder) -> bool:
    return (one.registry, one.repository) == (other.registry, other.repository)


def _tag_leads_to(image: ImageRef, repository: ImageRepository) -> Digest | None:
    """Where the tag of a reference with tag and digest leads now; None where it is gone, or one is left out."""
    if image.tag is None or image.digest is None:
        return None
    return repository.registry.digest(repository.path, image.tag)
