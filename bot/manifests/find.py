"""Finding the images that a manifest names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.manifests import document
from bot.manifests.document import Event, Mapping, Node
from bot.manifests.fields import ImageField
from bot.manifests.formats import FORMATS
from bot.manifests.site import Site
from bot.manifests.source import decode


def find_images(path: str, content: bytes) -> tuple[ImageField, ...]:
    """Every image of a manifest in document order, those that can't be edited with the reason.

    `path` tells the kind of file where its content doesn't. What is no known kind of document names no images.
    Raises ManifestError where the file can't be read.
    """
    return tuple(site.field for site in _sites(path, document.parse(path, decode(path, content))))


def find_sites(path: str, stream: Iterable[Event]) -> Iterator[Site]:
    """The images in a stream of parser events, with the scalars that spell them. Raises ManifestError."""
    return _sites(path, document.read(path, stream))


def _sites(path: str, roots: Iterable[Node | None]) -> Iterator[Site]:
    for index, root in enumerate(roots):
        if isinstance(root, Mapping):
            yield from next((f.sites(index, root) for f in FORMATS if f.recognises(path, root)), ())
