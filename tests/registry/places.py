"""Repositories at real registries, and images in them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bot.demo.oci import INDEX, Image, push
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository, RegistryClient


def briefly(seconds: float) -> None:
    """Stands for time.sleep between tries: there is a pause, for who has to recover, but a short one."""
    time.sleep(seconds / 20)


@contextmanager
def repository_of(access: RegistryAccess, path: str, *, timeout: float = 30.0) -> Iterator[ImageRepository]:
    with closing(RegistryClient(access, timeout=timeout, sleep=briefly)) as client:
        yield ImageRepository(client, path)


def pushed(repository: ImageRepository, tag: str, image: Image) -> Digest:
    return push(repository.registry.access, repository.path, tag, image)


def index_of(image: Image, **further: str) -> Image:
    """An index of one image, or index, that says further things of it."""
    entry = {"mediaType": image.media_type, "digest": str(image.digest), "size": len(image.manifest), **further}
    content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    return Image(INDEX, json.dumps(content).encode(), (), (image,))
