"""What an image is, for people: its kind and platforms, when it was made, what is in it and attached to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial

from bot.errors import RegistryError
from bot.images import Digest
from bot.parallel import in_parallel
from bot.registry.client import ImageRepository
from bot.registry.configuration import (
    CHART_CONFIGURATION,
    IMAGE_CONFIGURATIONS,
    Annotations,
    Configuration,
    read_annotations,
    read_chart,
    read_configuration,
)
from bot.registry.manifest import Content, Descriptor, ImageManifest, Index, Manifest, parse_manifest

# Real indexes name a dozen; each is a request.
_MOST_IMAGES = 200
# Configurations are some KiB; labels can make them larger.
_LARGEST_CONFIGURATION = 4 << 20
# https://github.com/moby/buildkit/blob/v0.17.0/docs/attestations/attestation-storage.md
_ATTESTATION = ("vnd.docker.reference.type", "attestation-manifest")
_ATTESTED = "vnd.docker.reference.digest"
_PREDICATE = "in-toto.io/predicate-type"
# https://github.com/sigstore/cosign/blob/v2.4.0/specs/SIGNATURE_SPEC.md#tag-based-discovery
_COSIGN = {"sig": "signature", "att": "attestation", "sbom": "SBOM"}


class Kind(Enum):
    """What a tag can lead to."""

    IMAGE = "image"
    INDEX = "index"
    CHART = "Helm chart"
    ARTIFACT = "artifact"


@dataclass(frozen=True)
class Overview:
    """What a list says of an image; `created` is that of an index's first image."""

    digest: Digest
    kind: Kind
    platforms: tuple[str, ...]
    created: datetime | None


@dataclass(frozen=True)
class Part:
    """An image for one platform; `image` is None where the registry lacks what the index names."""

    descriptor: Descriptor
    platform: str
    image: ImageManifest | None

    @property
    def size(self) -> int:
        """Bytes of configuration and layers, each once."""
        return _size(self.image.blobs) if self.image else 0


@dataclass(frozen=True)
class Attached:
    """Something about an image: of which kind, of which type it calls itself, and where it was found."""

    kind: str
    type: str
    digest: Digest
    where: str
    platform: str = ""


@dataclass(frozen=True)
class Inspection:
    """All of an image. `labels` and `chart` are what its (first) configuration says."""

    overview: Overview
    media_type: str
    artifact_type: str
    parts: tuple[Part, ...]
    labels: Mapping[str, str]
    chart: Mapping[str, str]
    annotations: Mapping[str, str]
    blobs: frozenset[Descriptor]
    attached: tuple[Attached, ...]

    @property
    def size(self) -> int:
        """Bytes of all configurations and layers, each once."""
        return _size(self.blobs)


def overview(repository: ImageRepository, manifest: Manifest) -> Overview:
    """What a list says of an image: one more request for an image, two for an index. Raises RegistryError."""
    content = parse_manifest(manifest)
    annotations = read_annotations(manifest)
    platforms: tuple[str, ...]
    if isinstance(content, ImageManifest):
        said = _configuration(repository, content)
        platforms = (said.platform,) if said.platform else ()
    else:
        real = [entry for entry in content.images if not _attests(annotations, entry)]
        said = _configuration(repository, _child(repository, real[0]) if real else None)
        platforms = tuple(dict.fromkeys(entry.platform for entry in real if entry.platform))
    return Overview(manifest.digest, kind_of(content), platforms, said.created or annotations.created)


def labels(repository: ImageRepository, manifest: Manifest) -> Mapping[str, str]:
    """What an image says of itself by labels, an index's first image for it, and by annotations where no label does.

    One more request for an image, two for an index. Raises RegistryError.
    """
    content, annotations = parse_manifest(manifest), read_annotations(manifest)
    if isinstance(content, Index):
        first = next((entry for entry in content.images if not _attests(annotations, entry)), None)
        image = _child(repository, first) if first else None
    else:
        image = content
    return {**annotations.own, **_configuration(repository, image).labels}


def inspect(repository: ImageRepository, manifest: Manifest, *, workers: int) -> Inspection:
    """All of an image: requests for each of an index's images, one configuration and what is attached.

    Raises RegistryError.
    """
    content, annotations = parse_manifest(manifest), read_annotations(manifest)
    if isinstance(content, Index):
        if len(content.images) > _MOST_IMAGES:
            raise RegistryError(
                f"{repository.place(manifest.digest.text)}: an index of {len(content.images)} images",
                hint=f"promobot looks into {_MOST_IMAGES} at most; name one of them by its digest",
            )
        inner = in_parallel(partial(_child_manifest, repository), content.images, workers=workers)
    else:
        inner = []
    parts = _parts(manifest, content, inner)
    images = [part for part in parts if not _attests(annotations, part.descriptor)]
    said = _configuration(repository, images[0].image if images else None)
    if isinstance(content, ImageManifest) and said.platform:
        parts = images = [Part(parts[0].descriptor, said.platform, content)]
    platforms = tuple(dict.fromkeys(part.platform for part in images if part.platform))
    return Inspection(
        Overview(manifest.digest, kind_of(content), platforms, said.created or annotations.created),
        media_type=manifest.media_type,
        artifact_type=_artifact_type(content),
        parts=tuple(images),
        labels=said.labels,
        chart=_chart(repository, content),
        annotations=annotations.own,
        blobs=frozenset(blob for part in parts if part.image for blob in part.image.blobs),
        attached=(*_built_in(annotations, parts, inner), *_attached(repository, manifest.digest, workers)),
    )


def kind_of(content: Content) -> Kind:
    """Of which kind a manifest is, by its own types."""
    if isinstance(content, Index):
        return Kind.INDEX
    if content.config.media_type == CHART_CONFIGURATION:
        return Kind.CHART
    is_image = content.config.media_type in IMAGE_CONFIGURATIONS and not content.artifact_type
    return Kind.IMAGE if is_image else Kind.ARTIFACT


def _artifact_type(content: Content) -> str:
    """What an artifact is: by its own word, else by its configuration's type, as the specification says."""
    if content.artifact_type or isinstance(content, Index):
        return content.artifact_type
    return "" if content.config.media_type in IMAGE_CONFIGURATIONS else content.config.media_type


def _child_manifest(repository: ImageRepository, entry: Descriptor) -> Manifest | None:
    return repository.registry.manifest(repository.path, entry.digest.text)


def _child(repository: ImageRepository, entry: Descriptor) -> ImageManifest | None:
    manifest = _child_manifest(repository, entry)
    content = parse_manifest(manifest) if manifest else None
    return content if isinstance(content, ImageManifest) else None


def _parts(manifest: Manifest, content: Content, inner: Sequence[Manifest | None]) -> list[Part]:
    if isinstance(content, ImageManifest):
        return [Part(Descriptor(manifest.media_type, manifest.digest, len(manifest.body)), "", content)]
    parts = []
    for entry, child in zip(content.images, inner, strict=True):
        image = parse_manifest(child) if child else None
        parts.append(Part(entry, entry.platform, image if isinstance(image, ImageManifest) else None))
    return parts


def _configuration(repository: ImageRepository, image: ImageManifest | None) -> Configuration:
    if image is None or image.config.media_type not in IMAGE_CONFIGURATIONS:
        return Configuration()
    return read_configuration(_blob(repository, image.config))


def _chart(repository: ImageRepository, content: Content) -> Mapping[str, str]:
    if not isinstance(content, ImageManifest) or kind_of(content) is not Kind.CHART:
        return {}
    return read_chart(_blob(repository, content.config))


def _blob(repository: ImageRepository, blob: Descriptor) -> bytes:
    return repository.registry.blob(repository.path, blob.digest, limit=_LARGEST_CONFIGURATION) or b""


def _attests(annotations: Annotations, entry: Descriptor) -> bool:
    key, value = _ATTESTATION
    return annotations.inner.get(entry.digest.text, {}).get(key) == value


def _built_in(annotations: Annotations, parts: Sequence[Part], inner: Sequence[Manifest | None]) -> Iterator[Attached]:
    """What BuildKit puts into the index: an image for each platform that attests another one."""
    platforms = {part.descriptor.digest.text: part.platform for part in parts}
    for part, manifest in zip(parts, inner, strict=False):
        if _attests(annotations, part.descriptor):
            said = read_annotations(manifest).inner.values() if manifest else ()
            types = ", ".join(dict.fromkeys(layer[_PREDICATE] for layer in said if _PREDICATE in layer))
            about = annotations.inner[part.descriptor.digest.text].get(_ATTESTED, "")
            yield Attached("attestation", types, part.descriptor.digest, "in the index", platforms.get(about, ""))


def _attached(repository: ImageRepository, digest: Digest, workers: int) -> Iterator[Attached]:
    """What is found by cosign's tags and by the registry's list of referrers."""
    tags = {f"{digest.text.replace(':', '-')}.{suffix}": kind for suffix, kind in _COSIGN.items()}
    digests = in_parallel(partial(repository.registry.digest, repository.path), tags, workers=workers)
    for (tag, kind), found in zip(tags.items(), digests, strict=True):
        if found is not None:
            yield Attached(kind, "cosign", found, f"tag {tag}")
    for referrer in repository.registry.referrers(repository.path, digest):
        yield Attached("referrer", referrer.artifact_type or referrer.media_type, referrer.digest, "refers to it")


def _size(blobs: Iterable[Descriptor]) -> int:
    return sum({blob.digest: blob.size for blob in blobs}.values())
