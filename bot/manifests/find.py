"""Finding the images that a manifest names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.manifests import document
from bot.manifests.document import Event, Mapping
from bot.manifests.fields import ImageField
from bot.manifests.formats import FORMATS
from bot.manifests.site import Site
from bot.manifests.source import decode


def find_images(path: str, content: bytes) -> tuple[ImageField, ...]:
    """Every image of a manifest in document order, those that can't be edited with the reason.

    `path` tells the kind of file where its content doesn't. What is no known kind of document names no images.
    Raises ManifestError where the file can't be read.
    """
    stream = document.fast_events(path, decode(path, content))
    return tuple(site.field for site in find_sites(path, stream))


def find_sites(path: str, stream: Iterable[Event]) -> Iterator[Site]:
    """The images in a stream of parser events, with the scalars that spell them. Raises ManifestError."""
    for index, root in enumerate(document.read(path, stream)):
        if isinstance(root, Mapping):
            yield from next((f.sites(index, root) for f in FORMATS if f.recognises(path, root)), ())
