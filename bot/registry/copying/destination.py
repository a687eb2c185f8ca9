"""What a destination has of an image, asked and written in its words; nothing here starts a program."""

from __future__ import annotations

from bot.images import Digest
from bot.parallel import in_parallel
from bot.registry.client import ImageRepository
from bot.registry.copying.contents import AT_ONCE, Contents
from bot.registry.copying.progress import distinct
from bot.registry.errors import TagTakenError
from bot.registry.manifest import ImageManifest, Manifest, parse_manifest


def holds(destination: ImageRepository, tag: str, digest: Digest) -> bool:
    """Whether the tag holds the digest; False if absent. Raises TagTakenError if it holds another."""
    found = destination.registry.digest(destination.path, tag)
    if found is not None and found != digest:
        raise TagTakenError(destination.place(tag), present=found, wanted=digest)
    return found is not None


def present(destination: ImageRepository, digest: Digest) -> Manifest | None:
    """The manifest, if the repository has it and all it names under another tag or none."""
    manifest = destination.registry.manifest(destination.path, digest.text)
    return manifest if manifest is not None and _is_complete(destination, manifest) else None


def arrived(destination: ImageRepository, contents: Contents, *, entirely: bool) -> bool:
    """Whether the destination has what was to be brought, whatever anybody said.

    An index whose images are all there will do unless `entirely`, since the tag is written with it. An older skopeo can
    not write some indexes, and any of them may have failed after its work was done.
    """
    wanted = (contents.manifest,) if entirely else contents.images or (contents.manifest,)
    return _has_images(destination, [manifest.digest for manifest in wanted])


def put(destination: ImageRepository, contents: Contents) -> None:
    """Write the manifests, each under its digest, an index after its images."""
    for manifest in (*contents.images, contents.manifest):
        destination.registry.put_manifest(destination.path, manifest.digest.text, manifest)


def _is_complete(destination: ImageRepository, manifest: Manifest) -> bool:
    """Whether it has all the images that a manifest, which need not be there itself, names."""
    parsed = parse_manifest(manifest)
    if isinstance(parsed, ImageManifest):
        return destination.registry.digest(destination.path, manifest.digest.text) is not None
    return _has_images(destination, [child.digest for child in distinct(parsed.images)])


def _has_images(destination: ImageRepository, images: list[Digest]) -> bool:
    found = in_parallel(
        lambda image: destination.registry.digest(destination.path, image.text), images, workers=AT_ONCE
    )
    return None not in found
