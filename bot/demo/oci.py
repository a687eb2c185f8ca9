"""Small container images made without Docker: OCI media types, real gzip tar layers, a function of the arguments."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urljoin

import urllib3

from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess

# https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

PLATFORMS = ("linux/amd64", "linux/arm64")
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Image:
    """A manifest's bytes and what they refer to: blobs for an image, images for an index."""

    media_type: str
    manifest: bytes
    blobs: tuple[bytes, ...] = ()
    children: tuple[Image, ...] = ()

    @property
    def digest(self) -> Digest:
        """What the registry knows the manifest by."""
        return digest_of(self.manifest)


def digest_of(content: bytes) -> Digest:
    """The sha256 digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def build_image(
    seed: str,
    *,
    platform: str = PLATFORMS[0],
    labels: Mapping[str, str] = _NO_LABELS,
    size: int = 256,
    layers: int = 1,
) -> Image:
    """An image for one platform whose `layers` hold `size` bytes together that no compression makes smaller.

    The bytes depend on the arguments alone: another `seed` is another image, with other layers.
    """
    tars = [_tar(f"app/part-{n}", _noise(f"{seed}/{n}", size // layers)) for n in range(layers)]
    packed = [_gzip(tar) for tar in tars]
    config = _json(_config(platform, labels, [str(digest_of(tar)) for tar in tars]))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, config),
        "layers": [_descriptor(LAYER, layer) for layer in packed],
    }
    return Image(MANIFEST, _json(manifest), (config, *packed))


def build_index(
    seed: str,
    *,
    platforms: Sequence[str] = PLATFORMS,
    labels: Mapping[str, str] = _NO_LABELS,
    size: int = 256,
    layers: int = 1,
) -> Image:
    """An index of one image for each platform; `size` and `layers` are those of each image, `labels` are on all."""
    images = [
        build_image(f"{seed}/{platform}", platform=platform, labels=labels, size=size, layers=layers)
        for platform in platforms
    ]
    entries = [
        {**_descriptor(MANIFEST, image.manifest), "platform": _platform(platform)}
        for platform, image in zip(platforms, images, strict=True)
    ]
    return Image(INDEX, _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}), children=tuple(images))


def push(registry: RegistryAccess, repository: str, tag: str, image: Image) -> Digest:
    """Upload an image with all it refers to and point `tag` at it. Raises RegistryError.

    API: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#push
    """
    with _pool(registry) as pool:
        upload = _Upload(pool, registry, repository)
        upload.contents(image)
        upload.manifest(tag, image)
    return image.digest


def move_tag(registry: RegistryAccess, repository: str, tag: str, image: Image) -> None:
    """Point `tag` at an image that the repository has. Raises RegistryError."""
    with _pool(registry) as pool:
        _Upload(pool, registry, repository).manifest(tag, image)


def _pool(registry: RegistryAccess) -> urllib3.PoolManager:
    ca_file = str(registry.ca_file) if registry.ca_file else None
    return urllib3.PoolManager(ca_certs=ca_file, retries=False, timeout=30.0)


@dataclass(frozen=True)
class _Upload:
    pool: urllib3.PoolManager
    registry: RegistryAccess
    repository: str

    def contents(self, image: Image) -> None:
        for blob in image.blobs:
            self._blob(blob)
        for child in image.children:
            self.contents(child)
            self.manifest(str(child.digest), child)

    def manifest(self, reference: str, image: Image) -> None:
        self._request("PUT", f"manifests/{reference}", image.manifest, image.media_type, expect=201)

    def _blob(self, blob: bytes) -> None:
        started = self._request("POST", "blobs/uploads/", b"", expect=202)
        location = urljoin(f"{self.registry.url}/", started.headers["Location"])
        joint = "&" if "?" in location else "?"
        self._request("PUT", f"{location}{joint}digest={digest_of(blob)}", blob, expect=201)

    def _request(
        self, method: str, path: str, body: bytes, media_type: str = "application/octet-stream", *, expect: int
    ) -> urllib3.BaseHTTPResponse:
        url = urljoin(f"{self.registry.url}/v2/{self.repository}/", path)
        headers = {"Content-Type": media_type, **_authorization(self.registry)}
        try:
            response = self.pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise RegistryError(f"{self.registry.name}: {method} of {self.repository} failed: {error}") from error
        if response.status != expect:
            raise RegistryError(f"{self.registry.name}: {method} of {self.repository} answered {response.status}")
        return response


def _authorization(registry: RegistryAccess) -> dict[str, str]:
    if registry.login is None:
        return {}
    return {"Authorization": f"Basic {registry.login.basic}"}


def _noise(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def _tar(name: str, content: bytes) -> bytes:
    """A tar archive of one file, without a time or an owner."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _gzip(content: bytes) -> bytes:
    """Gzip by level 0: the content is noise anyway. Unlike `gzip.compress`, the header is the same in every Python."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=buffer, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def _config(platform: str, labels: Mapping[str, str], diff_ids: Sequence[str]) -> dict[str, object]:
    return {
        **_platform(platform),
        "created": "2024-01-01T00:00:00Z",
        "config": {"Cmd": ["/app/part-0"], "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }


def _platform(platform: str) -> dict[str, str]:
    """`os/architecture[/variant]` as the fields that the image specification has for it."""
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content)}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()
