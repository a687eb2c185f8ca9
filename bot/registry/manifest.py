"""What a manifest says: of an image its configuration and layers, of an index its images. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

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
# What servers say that do not know what they serve; the manifest's own word decides then.
_GENERIC_TYPES = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"
# Go's tools read keys whatever their case, and would see another manifest than we do.
_KEYS = {
    key.casefold(): key
    for key in ("schemaVersion", "mediaType", "manifests", "config", "layers", "subject", "artifactType")
} | {key: key for key in ("digest", "size", "platform")}
_OTHER_DIGEST = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+")
# What a registry may call content by: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md
_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
_LARGEST_SIZE = 2**63 - 1
_MOST_DIGITS = 40


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


def digest_of(content: bytes) -> Digest:
    """What a registry knows these bytes by."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def is_digest_of(text: str, content: bytes) -> bool | None:
    """Whether a text is a digest of these bytes, by whichever algorithm; None where that can't be told."""
    algorithm, _, value = text.partition(":")
    return hashlib.new(algorithm, content).hexdigest() == value if algorithm in _ALGORITHMS else None


def check_type(served_as: str) -> None:
    """Raise ValueError, with the reason, for what by its server's word is none of the manifests that we read."""
    if served_as not in {*INDEX_TYPES, *IMAGE_TYPES} and served_as not in _GENERIC_TYPES:
        raise ValueError(_unknown_type(served_as))


def manifest_of(served_as: str, body: bytes) -> Manifest:
    """A manifest as a registry serves it: of the type that the registry gives it, else of the one that it has itself.

    Raises ValueError, with the reason, where these differ, and where there is none that we read. What neither says is
    not guessed, since tools guess differently.
    """
    check_type(served_as)
    if served_as not in _GENERIC_TYPES:
        return Manifest(served_as, body, digest_of(body))
    content = _read(body)
    said = _text(content, "mediaType")
    if said not in {*INDEX_TYPES, *IMAGE_TYPES}:
        _refuse_schema_1(content)
        raise ValueError(
            _unknown_type(said) if said else "neither the registry nor the manifest says of which type it is"
        )
    return Manifest(said, body, digest_of(body))


def parse_manifest(manifest: Manifest) -> Content:
    """Read a manifest's bytes by the type that they are of.

    Raises ValueError, with the reason, for bytes that are no such manifest, or that others would read as another: not
    JSON, a key twice, of another type by their own words, both kinds at once
    (https://github.com/opencontainers/image-spec/security/advisories/GHSA-xmmx-7jpf-fx42), descriptors without type,
    digest or size, digests of another algorithm than sha256; and for an index of indexes, which cannot be copied.
    """
    content = _checked(manifest)
    subject = _descriptor(content["subject"]).digest if content.get("subject") is not None else None
    artifact_type = _text(content, "artifactType")
    if manifest.media_type in IMAGE_TYPES:
        return ImageManifest(
            _descriptor(content.get("config")), _descriptors(content, "layers"), artifact_type, subject
        )
    images = _descriptors(content, "manifests")
    if any(image.media_type in INDEX_TYPES for image in images):
        raise ValueError("it is an index that holds another index")
    return Index(images, artifact_type, subject)


def parse_referrers(manifest: Manifest) -> tuple[Descriptor, ...]:
    """What a list of referrers names; it has the form of an index, and may name indexes. Raises ValueError."""
    if manifest.media_type not in INDEX_TYPES:
        raise ValueError(f"it is no list of referrers, but of the type {manifest.media_type}")
    return _descriptors(_checked(manifest), "manifests")


def _checked(manifest: Manifest) -> dict[str, object]:
    """A manifest's content, which can be read in one way only."""
    if manifest.media_type not in {*INDEX_TYPES, *IMAGE_TYPES}:
        raise ValueError(_unknown_type(manifest.media_type))
    content = _read(manifest.body)
    _refuse_schema_1(content)
    said = _text(content, "mediaType")
    if said and said != manifest.media_type:
        raise ValueError(f"the registry says that it is of the type {manifest.media_type}, and it says {_short(said)}")
    other = {"layers", "config"} if manifest.media_type in INDEX_TYPES else {"manifests"}
    if other & content.keys():
        raise ValueError("it claims to be an image and an index at once")
    return content


def _read(body: bytes) -> dict[str, object]:
    try:
        # As UTF-8 and nothing else: json would recognize other encodings too, and no other tool does.
        content = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_json, parse_int=_integer)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    _same_keys_for_all(content)
    return content


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("it has the same key twice")
    return content


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number in it has {len(digits)} digits")
    return int(digits)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"it is not JSON: {constant}")


def _same_keys_for_all(content: dict[str, object]) -> None:
    for key in content:
        if _KEYS.get(key.casefold(), key) != key:
            raise ValueError(f"it has a key {_short(key)}, which some tools take for {_KEYS[key.casefold()]}")


def _refuse_schema_1(content: dict[str, object]) -> None:
    version = content.get("schemaVersion", 2)
    if version != 2:
        raise ValueError("it is of Docker's old schema 1" if version == 1 else f"its schema is {_short(version)}")


def _unknown_type(media_type: str) -> str:
    if media_type.startswith(_SCHEMA_1):
        return f"it is of Docker's old schema 1 ({_short(media_type)})"
    return f"it is of the type {_short(media_type)}"


def _descriptors(content: dict[str, object], key: str) -> tuple[Descriptor, ...]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise ValueError(f"it has no {key}")
    return tuple(_descriptor(entry) for entry in entries)


def _descriptor(entry: object) -> Descriptor:
    if not isinstance(entry, dict):
        raise ValueError("a descriptor in it is no object")
    _same_keys_for_all(entry)
    media_type, digest, size = _text(entry, "mediaType"), _text(entry, "digest"), entry.get("size")
    if not media_type or not digest or not isinstance(size, int) or isinstance(size, bool):
        raise ValueError("a descriptor in it lacks its type, digest or size")
    if not 0 <= size <= _LARGEST_SIZE:
        raise ValueError(f"a descriptor in it has a size of {_short(size)}")
    return Descriptor(media_type, _digest(digest), size, _platform(entry.get("platform")), _text(entry, "artifactType"))


def _digest(text: str) -> Digest:
    other = _OTHER_DIGEST.fullmatch(text)
    if other and other[1] != "sha256":
        raise ValueError(f"a digest in it is made by {_short(other[1])}, and only sha256 is supported")
    return Digest(text)


def _platform(said: object) -> str:
    if not isinstance(said, dict):
        return ""
    return "/".join(filter(None, (_text(said, part) for part in ("os", "architecture", "variant"))))


def _text(content: dict[str, object], key: str) -> str:
    """A text that may be missing and can be shown, since half a surrogate or a newline is what breaks a message."""
    value = content.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"its {key} is no text that can be read")
    return value


def _short(value: object) -> str:
    if isinstance(value, str):
        return ascii(value)[1:-1][:80]
    return str(value)[:80] if isinstance(value, int | float) else type(value).__name__
