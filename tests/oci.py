"""Odd images that registries hold all the same, in the style of `bot.demo.oci`."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.demo.oci import CONFIG, INDEX, LAYER, MANIFEST, Image, build_image, build_index, digest_of
from bot.images import Digest

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
EMPTY = "application/vnd.oci.empty.v1+json"
# Registries and skopeo take no larger manifest than 4 MiB.
LARGEST_MANIFEST = 4 << 20


def descriptor(media_type: str, content: bytes, **more: object) -> dict[str, object]:
    """How a manifest refers to some bytes; `more` are further fields."""
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content), **more}


def manifest_of(
    config: tuple[str, bytes], layers: Sequence[tuple[str, bytes]], *, media_type: str = MANIFEST, **more: object
) -> Image:
    """An image of a configuration and layers, each `(media type, content)`; `more` are further fields."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(*config),
        "layers": [descriptor(*layer) for layer in layers],
        **more,
    }
    return Image(media_type, _json(manifest), tuple(dict.fromkeys([config[1], *(content for _, content in layers)])))


def index_of(
    children: Sequence[tuple[Image, Mapping[str, object]]], *, media_type: str = INDEX, **more: object
) -> Image:
    """An index of images, each with further fields for its descriptor; `more` are further fields of the index."""
    entries = [descriptor(image.media_type, image.manifest, **fields) for image, fields in children]
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **more}
    return Image(media_type, _json(index), children=tuple(image for image, _ in children))


def docker_image(seed: str) -> Image:
    """What `docker build` pushed for years: schema 2 of Docker."""
    config, layer = build_image(seed).blobs
    return manifest_of((DOCKER_CONFIG, config), [(DOCKER_LAYER, layer)], media_type=DOCKER_MANIFEST)


def docker_list(seed: str) -> Image:
    """A manifest list of Docker."""
    children = [
        (docker_image(f"{seed}/{name}"), {"platform": {"os": "linux", "architecture": name}})
        for name in ("amd64", "arm64")
    ]
    return index_of(children, media_type=DOCKER_LIST)


def foreign_platforms(seed: str) -> Image:
    """An index of platforms that this machine most likely is none of."""
    return build_index(seed, platforms=("linux/arm64/v8", "windows/amd64", "linux/s390x"))


def artifact(seed: str, subject: Image) -> Image:
    """An artifact that says something of an image: `artifactType`, `subject`, the empty configuration.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidelines-for-artifact-usage
    """
    return manifest_of(
        (EMPTY, b"{}"),
        [("application/spdx+json", f'{{"name": "{seed}"}}'.encode())],
        artifactType="application/spdx+json",
        subject=descriptor(subject.media_type, subject.manifest),
        annotations={"org.opencontainers.image.created": "2024-01-01T00:00:00Z"},
    )


def helm_chart(seed: str) -> Image:
    """A chart as `helm push` makes it."""
    chart = build_image(seed).blobs[1]
    config = json.dumps({"name": seed, "version": "1.2.3", "apiVersion": "v2"}).encode()
    return manifest_of(
        ("application/vnd.cncf.helm.config.v1+json", config),
        [("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)],
        annotations={"org.opencontainers.image.title": seed},
    )


def with_layers_of(seed: str, suffix: str) -> Image:
    """An image whose one layer is `tar+zstd`, or `tar` without compression."""
    config, layer = build_image(seed).blobs
    tar = gzip.decompress(layer)
    content = _zstd(tar) if suffix == "tar+zstd" else tar
    return manifest_of((CONFIG, config), [(f"application/vnd.oci.image.layer.v1.{suffix}", content)])


def without_layers(seed: str) -> Image:
    """An image of a configuration alone."""
    config = _config(seed)
    return manifest_of((CONFIG, _json(config)), [])


def with_empty_layers(seed: str) -> Image:
    """An image with the same empty layer twice, as `ENV` and `LABEL` once made them, around another."""
    _, layer = build_image(seed).blobs
    tar = b"\0" * 1024
    packed = gzip.compress(tar, mtime=0)
    diff_ids = [str(digest_of(tar)), str(digest_of(gzip.decompress(layer))), str(digest_of(tar))]
    return manifest_of((CONFIG, _json(_config(seed, *diff_ids))), [(LAYER, packed), (LAYER, layer), (LAYER, packed)])


def with_attestation(seed: str) -> Image:
    """What BuildKit pushes: an index with an attestation beside the image.

    https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
    """
    image = build_image(seed)
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"name": seed}]}).encode()
    config = {**_config(seed, str(digest_of(statement))), "os": "unknown", "architecture": "unknown"}
    attestation = manifest_of((CONFIG, _json(config)), [("application/vnd.in-toto+json", statement)])
    about = {"vnd.docker.reference.digest": str(image.digest), "vnd.docker.reference.type": "attestation-manifest"}
    return index_of(
        [
            (image, {"platform": {"os": "linux", "architecture": "amd64"}}),
            (attestation, {"platform": {"os": "unknown", "architecture": "unknown"}, "annotations": about}),
        ]
    )


def with_telling_descriptors(seed: str) -> Image:
    """An index whose descriptors say more than platforms, as the fallback tag of referrers does."""
    image = build_image(seed)
    note = artifact(seed, image)
    return index_of(
        [
            (image, {"annotations": {"seed": seed}}),
            (note, {"artifactType": "application/spdx+json", "data": "e30=", "annotations": {"seed": seed}}),
        ]
    )


def nested_index(seed: str) -> Image:
    """An index with an image and, behind it, another index."""
    return index_of([(build_image(f"{seed}/alone"), {}), (build_index(seed), {})])


def with_foreign_layer(seed: str) -> Image:
    """An image with a layer that is to be had elsewhere only, as Windows' were; no registry holds it."""
    config, layer = build_image(seed).blobs
    absent = descriptor(
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        build_image(f"{seed}/absent").blobs[1],
        urls=["https://layers.example.com/base.tar.gz"],
    )
    image = manifest_of((CONFIG, config), [(LAYER, layer)])
    manifest = json.loads(image.manifest)
    manifest["layers"].insert(0, absent)
    return Image(image.media_type, _json(manifest), image.blobs)


def with_large_manifest(seed: str, size: int = LARGEST_MANIFEST) -> Image:
    """An image whose manifest has exactly so many bytes."""
    config, layer = build_image(seed).blobs

    def padded(length: int) -> Image:
        return manifest_of((CONFIG, config), [(LAYER, layer)], annotations={"padding": "x" * length})

    return padded(size - len(padded(0).manifest))


def schema_1(seed: str) -> bytes:
    """A manifest of Docker's first schema, as far as anybody looks at it before it is refused."""
    return _json({"schemaVersion": 1, "name": seed, "tag": "v1", "fsLayers": [], "history": [], "signatures": [{}]})


def write_tags(registry: Path, repository: str, digest: Digest, tags: Sequence[str]) -> None:
    """Let a docker-registry on this directory have tags on a digest that it holds, without a request for each.

    The layout is that of https://github.com/distribution/distribution/blob/v2.8.2/registry/storage/paths.go
    """
    below = registry / "data" / "docker" / "registry" / "v2" / "repositories" / repository / "_manifests" / "tags"
    for tag in tags:
        for link in (below / tag / "current", below / tag / "index" / "sha256" / str(digest).partition(":")[2]):
            link.mkdir(parents=True)
            (link / "link").write_text(str(digest), encoding="ascii")


def _config(seed: str, *diff_ids: str) -> dict[str, Any]:
    return {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {"seed": seed}},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }


def _zstd(content: bytes) -> bytes:
    """A zstd frame with one raw block, so of no more than 128 KiB: https://www.rfc-editor.org/rfc/rfc8878#section-3.1."""
    return struct.pack("<IBI", 0xFD2FB528, 0xA0, len(content)) + struct.pack("<I", 1 | len(content) << 3)[:3] + content


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()
