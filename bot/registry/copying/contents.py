"""What has to be at a registry before a digest can be: an index's images, and the blobs of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.errors import RegistryError
from bot.images import Digest
from bot.parallel import in_parallel
from bot.registry.client import ImageRepository
from bot.registry.copying.progress import distinct
from bot.registry.manifest import Descriptor, ImageManifest, Manifest, parse_manifest

# Requests about one image at a time; the endpoint's pace holds for those of all copies together.
AT_ONCE = 4
# An index of more images than anybody builds for, or so large ones that they don't fit in memory, is no honest one.
_MOST_IMAGES = 1000
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Contents:
    """A manifest, the images that it names if it is an index, and each blob of all of them once, layers or not."""

    manifest: Manifest
    images: tuple[Manifest, ...]
    blobs: tuple[Descriptor, ...]
    layers: frozenset[Digest]

    @classmethod
    def of(cls, manifest: Manifest, images: Sequence[Manifest] = ()) -> Contents:
        """What these manifests, which a client has read, say."""
        parsed = [content for each in (manifest, *images) if isinstance(content := parse_manifest(each), ImageManifest)]
        blobs = distinct([blob for content in parsed for blob in content.blobs])
        layers = frozenset(layer.digest for content in parsed for layer in content.layers)
        return cls(manifest, tuple(images), blobs, layers)


def read_contents(source: ImageRepository, digest: Digest) -> Contents:
    """Read everything behind a digest but the blobs.

    Raises RegistryError where any manifest of it is gone, or of a kind that is not promoted.
    """
    manifest = _read(source, digest)
    parsed = parse_manifest(manifest)
    if isinstance(parsed, ImageManifest):
        return Contents.of(manifest)
    children = [child.digest for child in distinct(parsed.images)]
    if len(children) > _MOST_IMAGES:
        raise _too_much(source, digest, f"{len(children):,} images, of {_MOST_IMAGES:,} at most")
    images = list[Manifest]()
    for start in range(0, len(children), AT_ONCE):
        images += in_parallel(partial(_read_image, source), children[start : start + AT_ONCE], workers=AT_ONCE)
        if sum(len(image.body) for image in images) > _MOST_BYTES:
            raise _too_much(source, digest, f"manifests of more than {_MOST_BYTES >> 20} MiB")
    return Contents.of(manifest, images)


def _read_image(source: ImageRepository, digest: Digest) -> Manifest:
    """What an index names as an image, which it may be wrong about."""
    manifest = _read(source, digest)
    if not isinstance(parse_manifest(manifest), ImageManifest):
        raise RegistryError(
            f"{source.place(digest.text)}: an index, where another index names it as an image",
            hint="an index of indexes cannot be copied: build a flat one",
        )
    return manifest


def _too_much(source: ImageRepository, digest: Digest, what: str) -> RegistryError:
    return RegistryError(f"{source.place(digest.text)}: an index of {what}", hint="build a smaller one")


def _read(source: ImageRepository, digest: Digest) -> Manifest:
    manifest = source.registry.manifest(source.path, digest.text)
    if manifest is None:
        raise RegistryError(
            f"{source.place(digest.text)}: it is not there",
            hint="the source registry no longer has this digest, or part of it: was it cleaned up?",
        )
    return manifest
