"""Finding the images that a manifest names: by explicit rules, by the kind of document, by their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.manifests import document, shapes
from bot.manifests.document import Node
from bot.manifests.fields import FieldRule, ImageField
from bot.manifests.formats import FORMATS
from bot.manifests.formats.objects import objects
from bot.manifests.rules import by_rules
from bot.manifests.site import Site
from bot.manifests.source import decode
from bot.manifests.walk import Place, resolve


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
    taken = {slot.value.start for site in ruled for slot in site.slots.values()}
    found = [site for number, root in enumerate(roots) for site in _in_document(path, number, root)]
    free = [site for site in found if taken.isdisjoint(slot.value.start for slot in site.slots.values())]
    return tuple(sorted((*ruled, *free), key=lambda site: (site.field.document, _start(site))))


def _in_document(path: str, number: int, root: Node | None) -> Iterator[Site]:
    if root is not None:
        place, node = Place(number), resolve(root)[0]
        yield from shapes.sites(place, "", node)
        for below, item in objects(place, node):
            for kind in FORMATS:
                if kind.recognises(path, item):
                    yield from kind.sites(below, item)


def _start(site: Site) -> int:
    return min((slot.key.start for slot in site.slots.values()), default=0)
