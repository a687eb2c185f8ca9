"""What a manifest says: of an image its configuration and layers, of an index its images. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.images import Digest

# https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md and
# https://distribution.github.io/distribution/spec/manifest-v2-2/
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGE_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True)
class Manifest:
    """A manifest's exact bytes, which `digest` was computed from, and the type that the registry gives them."""

    media_type: str
    body: bytes
    digest: Digest


@dataclass(frozen=True)
class Descriptor:
    """A reference to content: what it is, its digest and its size in bytes.

    `platform` is `os/architecture[/variant]`, empty where none is said.
    https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md
    """

    media_type: str
    digest: Digest
    size: int
    platform: str = ""
    artifact_type: str = ""


@dataclass(frozen=True)
class ImageManifest:
    """An image for one platform, or an artifact in the shape of one: `blobs` are its configuration and layers."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Digest | None = None

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Everything that has to be at a registry before the manifest can be."""
        return (self.config, *self.layers)


@dataclass(frozen=True)
class Index:
    """Several images under one digest, one for each platform, and what is told about them."""

    images: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Digest | None = None


Content: TypeAlias = ImageManifest | Index


def parse_manifest(manifest: Manifest) -> Content:
    """Read a manifest's bytes by the type that they are of.

    Raises ValueError, with the reason, for bytes that are no such manifest: not JSON, of another type by their own
    words, both kinds at once (https://github.com/opencontainers/image-spec/security/advisories/GHSA-xmmx-7jpf-fx42),
    descriptors without digest or size.
    """
    try:
        content = json.loads(manifest.body)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    said = content.get("mediaType", manifest.media_type)
    if said != manifest.media_type:
        raise ValueError(f"the registry says that it is of the type {manifest.media_type}, and it says {said}")
    if "manifests" in content and ("layers" in content or "config" in content):
        raise ValueError("it claims to be an image and an index at once")
    artifact_type = _text(content.get("artifactType", ""))
    subject = Digest(_text(content["subject"].get("digest"))) if isinstance(content.get("subject"), dict) else None
    if manifest.media_type in INDEX_TYPES:
        return Index(_descriptors(content, "manifests"), artifact_type, subject)
    if manifest.media_type in IMAGE_TYPES:
        return ImageManifest(
            _descriptor(content.get("config")), _descriptors(content, "layers"), artifact_type, subject
        )
    raise ValueError(f"its type is {manifest.media_type}")


def _descriptors(content: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise ValueError(f"it has no {key}")
    return tuple(_descriptor(entry) for entry in entries)


def _descriptor(entry: Any) -> Descriptor:
    match entry:
        case {"mediaType": str(media_type), "digest": str(digest), "size": int(size)} if size >= 0:
            return Descriptor(
                media_type, Digest(digest), size, _platform(entry.get("platform")), _text(entry.get("artifactType", ""))
            )
        case _:
            raise ValueError("a descriptor in it lacks its type, digest or size")


def _platform(said: Any) -> str:
    if not isinstance(said, dict):
        return ""
    return "/".join(_text(said[part]) for part in ("os", "architecture", "variant") if said.get(part))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a text was expected in it, not {str(value)[:40]}")
    return value
