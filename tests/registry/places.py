"""Repositories at real registries, and images in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from bot.demo.oci import Image, push
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository, RegistryClient


@contextmanager
def repository_of(access: RegistryAccess, path: str) -> Iterator[ImageRepository]:
    with closing(RegistryClient(access, sleep=lambda _: None)) as client:
        yield ImageRepository(client, path)


def pushed(repository: ImageRepository, tag: str, image: Image) -> Digest:
    return push(repository.registry.access, repository.path, tag, image)
