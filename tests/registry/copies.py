"""The one place that says how these tests copy, and what they look at afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3

from bot.demo.oci import Image, digest_of
from bot.registry.client import ImageRepository
from bot.registry.copying import Copier, Patience
from tests.registry.places import briefly


def copier_of(cache: Path, *, timeout: float = 60.0, sleep: Callable[[float], None] = briefly) -> Copier:
    """Makes copies as promobot does, with shorter pauses; `timeout` is how long silence lasts, in seconds."""
    return Copier(cache, patience=Patience(total=4 * timeout, idle=timeout), sleep=sleep)


def missing(repository: ImageRepository, image: Image) -> list[str]:
    """The digests of an image's content, itself included, that the repository does not hold byte by byte."""
    access = repository.registry.access
    headers = {"Authorization": f"Basic {access.login.basic}"} if access.login else {}
    with urllib3.PoolManager(ca_certs=str(access.ca_file) if access.ca_file else None, retries=False) as pool:

        def holds(kind: str, content: bytes, accept: str) -> bool:
            url = f"{access.url}/v2/{repository.path}/{kind}/{digest_of(content)}"
            answer = pool.request("GET", url, headers={**headers, "Accept": accept}, redirect=False)
            return answer.status == 200 and answer.data == content

        return [
            str(digest_of(content)) for kind, content, accept in _contents(image) if not holds(kind, content, accept)
        ]


def _contents(image: Image) -> Iterator[tuple[str, bytes, str]]:
    yield "manifests", image.manifest, image.media_type
    for blob in image.blobs:
        yield "blobs", blob, "*/*"
    for child in image.children:
        yield from _contents(child)


def wait_until(condition: Callable[[], bool], *, within: float = 60.0) -> None:
    """Come back as soon as it holds; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
