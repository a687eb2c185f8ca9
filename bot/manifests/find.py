"""Finding the images that a manifest names: first by explicit rules, then by the kind of document, then by shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bot.manifests import document, shapes
from bot.manifests.document import Node
from bot.manifests.fields import FieldRule, ImageField
from bot.manifests.formats import FORMATS
from bot.manifests.formats.objects import objects
from bot.manifests.rules import by_rules
from bot.manifests.site import Site
from bot.manifests.source import decode
from bot.manifests.walk import Place, Resolved, resolve


def find_images(path: str, content: bytes, rules: Sequence[FieldRule] = ()) -> tuple[ImageField, ...]:
    """Every image of a manifest in document order, those that can't be edited with the reason.

    A rule comes before what its pointer would be by itself; one that finds nothing gives a refused field.
    Raises ManifestError where the file can't be read.
    """
    roots = document.parse(path, decode(path, content))
    return tuple(site.field for site in find_sites(path, roots, rules))


def find_sites(path: str, roots: Sequence[Node | None], rules: Sequence[FieldRule] = ()) -> tuple[Site, ...]:
    """The images in the documents of a file, with the scalars that spell them."""
    ruled = by_rules(roots, rules)
    found = [site for number, root in enumerate(roots) for site in _in_document(path, number, root, ruled)]
    return tuple(sorted((*ruled, *found), key=lambda site: (site.field.document, _start(site))))


def _in_document(path: str, number: int, root: Node | None, ruled: Sequence[Site]) -> list[Site]:
    if root is None:
        return []
    place, node = Place(number), resolve(root)[0]
    by_rule = [site for site in ruled if site.field.document == number]
    by_kind = _free(_by_kind(path, place, node), by_rule)
    return by_kind + _free(shapes.sites(place, "", node), [*by_rule, *by_kind])


def _by_kind(path: str, place: Place, node: Resolved) -> Iterator[Site]:
    for below, item in objects(place, node):
        for kind in FORMATS:
            if kind.recognises(path, item):
                yield from kind.sites(below, item)


def _free(sites: Iterable[Site], found: Sequence[Site]) -> list[Site]:
    """The sites of a document that share neither their pointer nor a scalar with what was found there before."""
    if not found:
        return [*sites]
    pointers = {site.field.pointer for site in found}
    scalars = {scalar for site in found for scalar in _scalars(site)}
    return [site for site in sites if site.field.pointer not in pointers and scalars.isdisjoint(_scalars(site))]


def _scalars(site: Site) -> Iterator[int]:
    return (slot.value.start for slot in site.slots.values())


def _start(site: Site) -> int:
    return min((slot.key.start for slot in site.slots.values()), default=0)
