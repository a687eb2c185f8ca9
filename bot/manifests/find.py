"""Finding the images that a manifest names: first by explicit rules, then by the kind of document, then by shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.manifests import document, shapes
from bot.manifests.document import Node
from bot.manifests.fields import FieldRule, ImageField
from bot.manifests.formats import FORMATS
from bot.manifests.formats.objects import objects
from bot.manifests.rules import by_rules
from bot.manifests.site import Site
from bot.manifests.source import decode
from bot.manifests.walk import Place, Resolved, resolve

# https://fluxcd.io/flux/guides/image-update/#configure-image-update-for-custom-resources
_MARKER = re.compile(r'#[ \t]*\{[ \t]*"\$imagepolicy"[ \t]*:[ \t]*"([^"\s]{1,600})"')
_LINE_END = re.compile(r"\r\n|\n|\r")


def find_images(path: str, content: bytes, rules: Sequence[FieldRule] = ()) -> tuple[ImageField, ...]:
    """Every image of a manifest in document order, those that can't be edited with the reason.

    A rule comes before what its pointer would be by itself; one that finds nothing gives a refused field.
    Raises ManifestError where the file can't be read.
    """
    text = decode(path, content)
    sites, markers = find_sites(path, document.parse(path, text), rules), _markers(text)
    return tuple(_marked(site, markers) if markers else site.field for site in sites)


def _markers(text: str) -> Mapping[int, str]:
    """The policies of Flux in a text's comments, by line."""
    if "$imagepolicy" not in text:
        return {}
    lines = enumerate(_LINE_END.split(text), 1)
    return {number: found[1] for number, line in lines if (found := _MARKER.search(line))}


def _marked(site: Site, markers: Mapping[int, str]) -> ImageField:
    lines = (slot.value.last_line for slot in site.slots.values())
    return replace(site.field, marker=next((markers[line] for line in lines if line in markers), ""))


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
